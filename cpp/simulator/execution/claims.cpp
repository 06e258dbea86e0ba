// SPDX-License-Identifier: Apache-2.0
// A flat list: a handful of streams with a handful of tensors each.
#include "simulator/execution/claims.h"

#include <algorithm>
#include <mutex>

namespace mgn::simulator {

namespace {

struct OwnedClaim {
    const void* owner;
    Claim claim;
};

struct Claims {
    std::mutex mutex;
    std::vector<OwnedClaim> held;
};

Claims& claims_held() {
    static auto* const instance = new Claims;  // never destroyed: streams may outlive exit
    return *instance;
}

bool conflict(const Claim& a, const Claim& b) {
    return (a.writes || b.writes) && a.begin < b.end && b.begin < a.end;
}

}  // namespace

std::string claim_memory(const void* owner, const std::vector<Claim>& claims) {
    Claims& all = claims_held();
    std::string found;
    const std::lock_guard<std::mutex> lock(all.mutex);
    const std::size_t before = all.held.size();
    for (const Claim& claim : claims) {
        for (std::size_t at = 0; at < before && found.empty(); ++at) {
            const Claim& other = all.held[at].claim;
            if (conflict(claim, other)) {
                found = std::string("its ") + claim.what + " overlaps the " + other.what +
                        " of an execution that is running";
            }
        }
        all.held.push_back({owner, claim});
    }
    return found;
}

void release_memory(const void* owner) {
    Claims& all = claims_held();
    const std::lock_guard<std::mutex> lock(all.mutex);
    const auto is_owners = [&](const OwnedClaim& entry) { return entry.owner == owner; };
    all.held.erase(std::remove_if(all.held.begin(), all.held.end(), is_owners), all.held.end());
}

}  // namespace mgn::simulator
