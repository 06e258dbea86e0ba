// SPDX-License-Identifier: Apache-2.0
// The few lines of JSON that the ledger and the trace are written with.
#pragma once

#include <cstdio>
#include <string>
#include <string_view>

namespace mgn::simulator {

inline void append_json(std::string& out, std::string_view text) {
    out += '"';
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (byte < 0x20 || byte >= 0x7f) {
            char escape[8];
            std::snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned>(byte));
            out += escape;
        } else {
            out += c;
        }
    }
    out += '"';
}

// {"key": number, ...} of any map from text to whole numbers.
template <typename Map>
void append_json_counts(std::string& out, const Map& counts) {
    out += '{';
    const char* separator = "";
    for (const auto& [key, number] : counts) {
        out += separator;
        append_json(out, key);
        out += ": " + std::to_string(number);
        separator = ", ";
    }
    out += '}';
}

}  // namespace mgn::simulator
