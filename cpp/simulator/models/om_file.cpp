// SPDX-License-Identifier: Apache-2.0
// Reading of simulated .om files. The content cache holds only what some model or description uses.
#include "simulator/models/om_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <unordered_map>

#include "simulator/models/data_type.h"
#include "simulator/models/om_fields.h"
#include "simulator/models/stand_in.h"

namespace mgn::simulator {

using namespace mgn::acl;

namespace {

constexpr std::size_t kHeaderBytes = 256;
constexpr std::uint32_t kMagic = 0x444F4D49;
constexpr std::size_t kMaxLines = 1024;
constexpr std::size_t kMaxLine = 16384;
constexpr std::size_t kMaxTensors = 64;
constexpr std::int64_t kMaxBytes = std::int64_t{1} << 40;

template <typename T>
T read_at(const std::string& content, std::size_t offset) {
    T value{};
    std::memcpy(&value, content.data() + offset, sizeof value);
    return value;
}

void check_header(const std::string& content) {
    const std::size_t size = content.size();
    if (size <= kHeaderBytes || read_at<std::uint32_t>(content, 0) != kMagic ||
        read_at<std::uint32_t>(content, 4) != kHeaderBytes) {
        throw OmError(kGeModelDataSize,
                      "the model has " + std::to_string(size) +
                          " bytes and no .om header (magic IMOD, 256 bytes) with data after it");
    }
    const auto wide = read_at<std::uint64_t>(content, 184);
    const std::uint64_t length = wide != 0 ? wide : read_at<std::uint32_t>(content, 76);
    if (length != size - kHeaderBytes) {
        throw OmError(kGeModelDataSize, "the header announces " + std::to_string(length) +
                                            " bytes after it, the model has " +
                                            std::to_string(size - kHeaderBytes));
    }
}

// Takes the description lines in; what depends on several lines is checked by `finish`.
class Reader {
public:
    explicit Reader(std::string content) : file_(std::make_shared<OmFile>()) {
        file_->content = std::move(content);
    }

    std::shared_ptr<OmFile> read() {
        check_header(file_->content);
        std::size_t cursor = kHeaderBytes;
        const std::string kind = next_line(cursor);
        if (kind != "mgn-fast-simulated-om 1") {
            // The graph engine's catch-all for what a newer CANN has compiled.
            const bool is_newer = kind.rfind("mgn-fast-simulated-om ", 0) == 0;
            throw OmError(is_newer ? kGeFailure : kGeLoadModel,
                          "the .om was not written for this simulator (a real NPU's, or of another "
                          "version); compile the ONNX with simulate=True");
        }
        for (std::size_t lines = 0;; ++lines) {
            const std::string line = next_line(cursor);
            if (line == "end") break;
            if (lines == kMaxLines) refuse_om("more than 1024 description lines");
            if (!line.empty() && line[0] != '#') take(line);
        }
        finish(file_->content.size() - cursor);
        return file_;
    }

private:
    std::string next_line(std::size_t& cursor) const {
        const std::string& content = file_->content;
        const std::size_t window = std::min(content.size() - cursor, kMaxLine);
        const void* const end = std::memchr(content.data() + cursor, '\n', window);
        if (end == nullptr) refuse_om("a description line does not end within 16384 bytes");
        const auto stop = static_cast<std::size_t>(static_cast<const char*>(end) - content.data());
        std::string line = content.substr(cursor, stop - cursor);
        cursor = stop + 1;
        return line;
    }

    void take(const std::string& line) {
        Fields fields(line);
        const std::string key = fields.word();
        if (key == "soc_version") {
            file_->soc_version = fields.name();
        } else if (key == "batch") {
            file_->batch = static_cast<std::uint64_t>(fields.integer(1, 65536));
        } else if (key == "gears") {
            take_gears(fields);
        } else if (key == "input") {
            add(file_->inputs, read_tensor(fields));
        } else if (key == "output") {
            add(file_->outputs, read_tensor(fields));
        } else if (key == "aipp") {
            file_->aipp = read_aipp(fields);
        } else if (key == "weight_bytes") {
            file_->weight_bytes = static_cast<std::size_t>(fields.integer(0, kMaxBytes));
        } else if (key == "work_bytes") {
            file_->work_bytes = static_cast<std::size_t>(fields.integer(0, kMaxBytes));
        } else if (key == "onnx_bytes") {
            file_->onnx_bytes = static_cast<std::size_t>(fields.integer(0, kMaxBytes));
        } else {
            refuse_om("unknown key '" + key.substr(0, 40) + "'");
        }
        fields.expect_end();
    }

    void take_gears(Fields& fields) {
        while (!fields.at_end()) {
            const auto gear = static_cast<std::uint64_t>(fields.integer(1, 2048));
            if (!file_->gears.empty() && gear <= file_->gears.back()) {
                refuse_om("gears are not ascending");
            }
            file_->gears.push_back(gear);
        }
        if (file_->gears.size() < 2 || file_->gears.size() > 100) {
            refuse_om("expected 2 to 100 gears");
        }
        file_->batch = file_->gears.back();
    }

    static void add(std::vector<TensorInfo>& tensors, TensorInfo tensor) {
        if (tensors.size() == kMaxTensors) refuse_om("more than 64 inputs or outputs");
        for (const TensorInfo& other : tensors) {
            if (other.name == tensor.name) refuse_om("two tensors are named " + tensor.name);
        }
        if (tensor.name == kGearInput) refuse_om("a tensor has the gear input's name");
        tensors.push_back(std::move(tensor));
    }

    void finish(std::size_t rest) {
        if (file_->soc_version.empty() || file_->batch == 0) refuse_om("no soc_version or batch");
        if (file_->inputs.empty() || file_->outputs.empty()) refuse_om("no input or no output");
        if (rest != file_->onnx_bytes) {
            refuse_om("onnx_bytes is " + std::to_string(file_->onnx_bytes) + ", the file has " +
                      std::to_string(rest) + " after its description");
        }
        const bool has_gears = !file_->gears.empty();
        for (TensorInfo& input : file_->inputs) settle(input, has_gears);
        for (TensorInfo& output : file_->outputs) {
            settle(output, false);
            if (!can_stand_in(output.data_type)) {
                refuse_om("output " + output.name + " has a data type that is not simulated");
            }
            if (has_gears && output.dims[0] != static_cast<std::int64_t>(file_->batch)) {
                refuse_om("output " + output.name + " does not begin with the largest gear");
            }
        }
        if (file_->aipp) settle_aipp(has_gears);
        if (has_gears) file_->inputs.push_back({kGearInput, ACL_INT64, ACL_FORMAT_ND, {1}, 8});
    }

    void settle(TensorInfo& tensor, bool follows_gear) const {
        if ((tensor.dims[0] == -1) != follows_gear) {
            refuse_om("tensor " + tensor.name + " has first dimension " +
                      std::to_string(tensor.dims[0]) + "; -1 goes with gears, for inputs only");
        }
        tensor.bytes = tensor_bytes(tensor, file_->batch);
        if (tensor.bytes / data_type_bytes(tensor.data_type) % file_->batch != 0) {
            refuse_om("tensor " + tensor.name + " cannot be divided by the batch");
        }
    }

    void settle_aipp(bool has_gears) {
        const TensorInfo& network = file_->inputs[0];
        TensorInfo& source = file_->aipp->source;
        source.name = network.name;
        settle(source, has_gears);
        const std::vector<std::int64_t>& dims = network.dims;
        if (network.format != ACL_FORMAT_NCHW || dims.size() != 4 || dims[1] != 3 ||
            (network.data_type != ACL_FLOAT && network.data_type != ACL_FLOAT16) ||
            source.dims != std::vector<std::int64_t>{dims[0], dims[2], dims[3], 3}) {
            refuse_om("AIPP needs a float network input N, 3, H, W and a source N, H, W, 3");
        }
    }

    std::shared_ptr<OmFile> file_;
};

// Tells contents apart; equal for equal bytes in every process, so that an executor may cache.
std::uint64_t content_id(const std::string& content) {
    std::uint64_t lanes[4] = {1, 2, 3, 4};
    std::size_t at = 0;
    for (; at + 32 <= content.size(); at += 32) {
        for (std::size_t lane = 0; lane < 4; ++lane) {
            const auto word = read_at<std::uint64_t>(content, at + 8 * lane);
            lanes[lane] = (lanes[lane] ^ word) * 0x9E3779B97F4A7C15u;
            lanes[lane] ^= lanes[lane] >> 29;
        }
    }
    std::uint64_t id = content.size();
    for (; at < content.size(); ++at) {
        id = (id ^ static_cast<unsigned char>(content[at])) * 0x100000001B3u;
    }
    for (const std::uint64_t lane : lanes) {
        id = (id ^ lane) * 0xD1B54A32D192ED03u;
        id ^= id >> 32;
    }
    return id;
}

struct Cache {
    std::mutex mutex;
    std::unordered_map<std::uint64_t, std::weak_ptr<const OmFile>> files;
};

Cache& cache() {
    static Cache* const instance = new Cache;  // never destroyed: exit may come with work in flight
    return *instance;
}

std::string read_whole(int descriptor, std::size_t size) {
    std::string content(size, '\0');
    std::size_t done = 0;
    while (done < size) {
        const ssize_t got = ::read(descriptor, &content[done], size - done);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) break;
        done += static_cast<std::size_t>(got);
    }
    content.resize(done);
    return content;
}

}  // namespace

std::shared_ptr<const OmFile> parse_om(std::string content) {
    const std::uint64_t id = content_id(content);
    Cache& known = cache();
    std::shared_ptr<const OmFile> same;
    {
        const std::lock_guard<std::mutex> lock(known.mutex);
        const auto found = known.files.find(id);
        if (found != known.files.end()) same = found->second.lock();
    }
    if (same && same->content == content) return same;
    const std::shared_ptr<OmFile> file = Reader(std::move(content)).read();
    file->id = id;
    const std::lock_guard<std::mutex> lock(known.mutex);
    for (auto entry = known.files.begin(); entry != known.files.end();) {
        entry = entry->second.expired() ? known.files.erase(entry) : std::next(entry);
    }
    known.files[id] = file;
    return file;
}

std::shared_ptr<const OmFile> read_om(const std::string& path) {
    // Without O_NONBLOCK, opening a pipe without a writer would wait for ever.
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    const std::string reason = descriptor < 0 ? std::strerror(errno) : "no regular file";
    struct stat status = {};
    const bool is_file =
        descriptor >= 0 && ::fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode);
    std::string content;
    if (is_file) content = read_whole(descriptor, static_cast<std::size_t>(status.st_size));
    if (descriptor >= 0) ::close(descriptor);
    if (!is_file) throw OmError(kGePathInvalid, "model path '" + path + "': " + reason);
    return parse_om(std::move(content));
}

}  // namespace mgn::simulator
