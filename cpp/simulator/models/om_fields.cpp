// SPDX-License-Identifier: Apache-2.0
// Parsing of one description line of a simulated .om.
#include "simulator/models/om_fields.h"

#include <algorithm>
#include <cmath>
#include <locale>
#include <sstream>

#include "simulator/models/data_type.h"

namespace mgn::simulator {

using namespace mgn::acl;

namespace {

constexpr std::size_t kMaxName = 1024;
constexpr std::int64_t kMaxDims = 8;  // ExecutorTensor's
constexpr std::size_t kMaxTensorBytes = std::size_t{1} << 40;

int hex_digit(char digit) {
    if (digit >= '0' && digit <= '9') return digit - '0';
    if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
    if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
    return -1;
}

}  // namespace

void refuse_om(const std::string& why) {
    std::string text = "the file is no simulated model: " + why;
    // Any bytes may stand in a file; a message has to be text.
    const auto is_printable = [](char c) { return c >= 0x20 && c < 0x7f; };
    for (char& c : text) c = is_printable(c) ? c : '?';
    throw OmError(kGeModelDataSize, text);
}

void Fields::refuse(const std::string& expected) const {
    refuse_om("line '" + line_.substr(0, 80) + "' lacks " + expected);
}

std::string Fields::word() {
    if (at_end()) refuse("a field");
    const std::size_t blank = std::min(line_.find(' ', cursor_), line_.size());
    std::string found = line_.substr(cursor_, blank - cursor_);
    cursor_ = blank + 1;
    if (found.empty()) refuse("a field between two blanks");
    return found;
}

std::string Fields::name() {
    const std::string encoded = word();
    std::string decoded;
    for (std::size_t at = 0; at < encoded.size(); ++at) {
        char next = encoded[at];
        if (next == '%') {
            const int high = at + 2 < encoded.size() ? hex_digit(encoded[at + 1]) : -1;
            const int low = high >= 0 ? hex_digit(encoded[at + 2]) : -1;
            if (low < 0 || (high == 0 && low == 0)) refuse("two hexadecimal digits after '%'");
            next = static_cast<char>(high * 16 + low);
            at += 2;
        } else if (static_cast<unsigned char>(next) < 0x20) {
            refuse("a printable name");
        }
        decoded += next;
    }
    if (decoded.size() > kMaxName) refuse("a name of at most 1024 bytes");
    return decoded;
}

std::int64_t Fields::integer(std::int64_t least, std::int64_t most) {
    const std::string text = word();
    const bool negative = text[0] == '-';
    const std::size_t first = negative ? 1 : 0;
    std::int64_t value = 0;
    bool is_number = text.size() > first && text.size() - first <= 18;
    for (std::size_t at = first; is_number && at < text.size(); ++at) {
        is_number = text[at] >= '0' && text[at] <= '9';
        value = value * 10 + (text[at] - '0');
    }
    if (negative) value = -value;
    if (!is_number || value < least || value > most) {
        refuse("an integer from " + std::to_string(least) + " to " + std::to_string(most) +
               " (it has '" + text.substr(0, 40) + "')");
    }
    return value;
}

float Fields::number() {
    std::istringstream stream(word());
    stream.imbue(std::locale::classic());
    float value = 0;
    stream >> value;
    if (!stream || !stream.eof() || !std::isfinite(value)) refuse("a finite number");
    return value;
}

void Fields::expect_end() const {
    if (!at_end()) refuse("an end where another field follows");
}

void read_dims(Fields& fields, TensorInfo& tensor) {
    const std::int64_t num_dims = fields.integer(1, kMaxDims);
    for (std::int64_t axis = 0; axis < num_dims; ++axis) {
        tensor.dims.push_back(fields.integer(axis == 0 ? -1 : 1, std::int64_t{1} << 31));
    }
    if (tensor.dims[0] == 0) refuse_om("line '" + fields.line().substr(0, 80) + "' has batch 0");
}

TensorInfo read_tensor(Fields& fields) {
    TensorInfo tensor;
    tensor.name = fields.name();
    tensor.data_type = static_cast<aclDataType>(fields.integer(0, 64));
    if (data_type_bytes(tensor.data_type) == 0) {
        refuse_om("tensor " + tensor.name + " has an unknown data type");
    }
    tensor.format = static_cast<aclFormat>(fields.integer(-1, 64));
    read_dims(fields, tensor);
    return tensor;
}

StaticAipp read_aipp(Fields& fields) {
    StaticAipp aipp;
    aipp.source.data_type = static_cast<aclDataType>(fields.integer(ACL_UINT8, ACL_UINT8));
    aipp.source.format = ACL_FORMAT_NHWC;
    read_dims(fields, aipp.source);
    for (float& value : aipp.min_chn) value = fields.number();
    for (float& value : aipp.var_reci) value = fields.number();
    return aipp;
}

std::size_t tensor_bytes(const TensorInfo& tensor, std::uint64_t batch) {
    std::size_t bytes = data_type_bytes(tensor.data_type);
    for (const std::int64_t size : tensor.dims) {
        const std::size_t factor = size < 0 ? batch : static_cast<std::size_t>(size);
        if (factor == 0 || bytes > kMaxTensorBytes / factor) {
            refuse_om("tensor " + tensor.name + " is larger than 1 TiB or empty");
        }
        bytes *= factor;
    }
    return bytes;
}

}  // namespace mgn::simulator
