// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "loader/gguf.h"

#include <cmath>
#include <limits>
#include <utility>

#include "loader/internal.h"

namespace memwall::loader {
namespace {

constexpr std::uint32_t kMagic = 0x46554747u;  // "GGUF"
constexpr std::uint64_t kMaxKeyBytes = 65535;  // the specification's limit
constexpr std::uint32_t kMaxDimensions = 4;

/// Value types as numbered in the file.
enum ValueType : std::uint32_t {
  kU8 = 0,
  kI8,
  kU16,
  kI16,
  kU32,
  kI32,
  kF32,
  kBool,
  kString,
  kArray,
  kU64,
  kI64,
  kF64,
};

/// Least bytes that one value takes in the file.
std::uint64_t least_bytes(std::uint32_t type) {
  switch (type) {
    case kU8:
    case kI8:
    case kBool:
      return 1;
    case kU16:
    case kI16:
      return 2;
    case kU32:
    case kI32:
    case kF32:
      return 4;
    default:
      return 8;
  }
}

class Parser {
 public:
  Parser(const Bytes& bytes, const std::string& file) : reader_(bytes, file), file_(file) {}

  ByteReader& reader() { return reader_; }

  std::string string(const char* what) {
    const auto length = reader_.read<std::uint64_t>(what);
    return reader_.read_string(length, what);
  }

  GgufValue value(std::uint32_t type, const std::string& key) {
    switch (type) {
      case kU8:
        return std::uint64_t{reader_.read<std::uint8_t>("value")};
      case kI8:
        return std::int64_t{reader_.read<std::int8_t>("value")};
      case kU16:
        return std::uint64_t{reader_.read<std::uint16_t>("value")};
      case kI16:
        return std::int64_t{reader_.read<std::int16_t>("value")};
      case kU32:
        return std::uint64_t{reader_.read<std::uint32_t>("value")};
      case kI32:
        return std::int64_t{reader_.read<std::int32_t>("value")};
      case kF32:
        return double{reader_.read<float>("value")};
      case kBool:
        return reader_.read<std::uint8_t>("value") != 0;
      case kString:
        return string("string value");
      case kArray:
        return array(key);
      case kU64:
        return reader_.read<std::uint64_t>("value");
      case kI64:
        return reader_.read<std::int64_t>("value");
      case kF64:
        return reader_.read<double>("value");
      default:
        throw ConfigError(file_, "key " + key + " has unknown value type " + std::to_string(type));
    }
  }

 private:
  GgufArray array(const std::string& key) {
    const auto type = reader_.read<std::uint32_t>("array type");
    if (type == kArray)
      throw ConfigError(file_, "key " + key + " is an array of arrays, which is not supported");
    if (type > kF64)
      throw ConfigError(file_, "key " + key + " has unknown value type " + std::to_string(type));
    GgufArray out;
    out.count = reader_.read<std::uint64_t>("array length");
    if (out.count > reader_.remaining() / least_bytes(type))
      throw ConfigError(file_, "truncated: array " + key + " of " + std::to_string(out.count) +
                                   " elements is longer than the file");
    for (std::uint64_t i = 0; i < out.count; ++i) {
      const GgufValue element = value(type, key);
      if (const auto* text = std::get_if<std::string>(&element))
        out.strings.push_back(*text);
      else if (const auto* real = std::get_if<double>(&element))
        out.floats.push_back(static_cast<float>(*real));
      else if (const auto* natural = std::get_if<std::uint64_t>(&element))
        out.integers.push_back(static_cast<std::int64_t>(*natural));
      else if (const auto* integer = std::get_if<std::int64_t>(&element))
        out.integers.push_back(*integer);
      else if (const auto* flag = std::get_if<bool>(&element))
        out.integers.push_back(*flag ? 1 : 0);
    }
    return out;
  }

  ByteReader reader_;
  std::string file_;
};

std::string shape_text(const std::vector<std::uint64_t>& extent) {
  std::string out = "(";
  for (std::size_t i = extent.size(); i-- > 0;) out += std::to_string(extent[i]) + (i ? ", " : "");
  return out + ")";
}

}  // namespace

bool is_gguf(const Bytes& bytes) {
  return bytes.size() >= 4 && ByteReader(bytes, "").read<std::uint32_t>("magic") == kMagic;
}

std::string ggml_type_name(std::uint32_t type) {
  static const std::map<std::uint32_t, const char*> names = {
      {0, "F32"},     {1, "F16"},    {2, "Q4_0"},     {3, "Q4_1"},    {6, "Q5_0"},     {7, "Q5_1"},
      {8, "Q8_0"},    {9, "Q8_1"},   {10, "Q2_K"},    {11, "Q3_K"},   {12, "Q4_K"},    {13, "Q5_K"},
      {14, "Q6_K"},   {15, "Q8_K"},  {16, "IQ2_XXS"}, {17, "IQ2_XS"}, {18, "IQ3_XXS"}, {19, "IQ1_S"},
      {20, "IQ4_NL"}, {21, "IQ3_S"}, {22, "IQ2_S"},   {23, "IQ4_XS"}, {24, "I8"},      {25, "I16"},
      {26, "I32"},    {27, "I64"},   {28, "F64"},     {29, "IQ1_M"},  {30, "BF16"},    {34, "TQ1_0"},
      {35, "TQ2_0"},  {39, "MXFP4"},
  };
  const auto found = names.find(type);
  return found != names.end() ? found->second : "type " + std::to_string(type);
}

GgufFile::GgufFile(std::shared_ptr<const Bytes> bytes, std::string file)
    : bytes_(std::move(bytes)), file_(std::move(file)) {
  Parser parser(*bytes_, file_);
  ByteReader& reader = parser.reader();
  if (reader.read<std::uint32_t>("magic") != kMagic) throw ConfigError(file_, "is not a GGUF file");
  const auto version = reader.read<std::uint32_t>("version");
  if (version != 0 && (version & 0xffffu) == 0)
    throw ConfigError(file_, "big-endian GGUF is not supported; only little endian is");
  if (version != 3)
    throw ConfigError(file_,
                      "GGUF version " + std::to_string(version) + " is not supported; only version 3 is");
  const auto n_tensors = reader.read<std::uint64_t>("tensor count");
  const auto n_keys = reader.read<std::uint64_t>("metadata count");
  // A tensor entry takes at least 24 bytes, a metadata entry at least 13.
  if (n_tensors > reader.remaining() / 24)
    throw ConfigError(file_, "truncated: " + std::to_string(n_tensors) + " tensors do not fit into the file");
  if (n_keys > reader.remaining() / 13)
    throw ConfigError(file_,
                      "truncated: " + std::to_string(n_keys) + " metadata entries do not fit into the file");

  for (std::uint64_t i = 0; i < n_keys; ++i) {
    std::string key = parser.string("metadata key");
    if (key.empty() || key.size() > kMaxKeyBytes)
      throw ConfigError(file_, "metadata key " + std::to_string(i) + " has " + std::to_string(key.size()) +
                                   " bytes, allowed are 1 to 65535");
    GgufValue value = parser.value(reader.read<std::uint32_t>("value type"), key);
    if (!metadata_.emplace(key, std::move(value)).second)
      throw ConfigError(file_, "duplicate metadata key " + key);
  }
  alignment_ = get_u32("general.alignment", 32);
  if (alignment_ < 8 || alignment_ > 65536 || (alignment_ & (alignment_ - 1)) != 0)
    throw ConfigError(file_, "general.alignment " + std::to_string(alignment_) +
                                 " is not a power of two between 8 and 65536");

  tensors_.reserve(n_tensors);
  for (std::uint64_t i = 0; i < n_tensors; ++i) {
    GgufTensor tensor;
    tensor.name = parser.string("tensor name");
    const auto dimensions = reader.read<std::uint32_t>("tensor dimension count");
    if (dimensions < 1 || dimensions > kMaxDimensions)
      throw ConfigError(file_, "tensor " + tensor.name + " has " + std::to_string(dimensions) +
                                   " dimensions, allowed are 1 to 4");
    for (std::uint32_t d = 0; d < dimensions; ++d)
      tensor.extent.push_back(reader.read<std::uint64_t>("tensor dimension"));
    tensor.type = reader.read<std::uint32_t>("tensor type");
    tensor.offset = reader.read<std::uint64_t>("tensor offset");
    if (!tensor_index_.emplace(tensor.name, tensors_.size()).second)
      throw ConfigError(file_, "duplicate tensor " + tensor.name);
    tensors_.push_back(std::move(tensor));
  }
  data_begin_ = (reader.position() + alignment_ - 1) / alignment_ * alignment_;
  if (data_begin_ > bytes_->size()) data_begin_ = bytes_->size();  // no tensor fits, and each one is checked
}

const GgufValue& GgufFile::value(const std::string& key) const {
  const auto found = metadata_.find(key);
  if (found == metadata_.end()) throw ConfigError(file_, "metadata key " + key + " is missing");
  return found->second;
}

std::uint32_t GgufFile::get_u32(const std::string& key) const {
  const GgufValue& found = value(key);
  std::uint64_t number = std::numeric_limits<std::uint64_t>::max();
  if (const auto* natural = std::get_if<std::uint64_t>(&found))
    number = *natural;
  else if (const auto* integer = std::get_if<std::int64_t>(&found))
    number = static_cast<std::uint64_t>(*integer);  // a negative one becomes too large
  else
    throw ConfigError(file_, "metadata key " + key + " is not a single integer");
  if (number > std::numeric_limits<std::uint32_t>::max())
    throw ConfigError(file_, "metadata key " + key + " does not fit into 32 bits");
  return static_cast<std::uint32_t>(number);
}
std::uint32_t GgufFile::get_u32(const std::string& key, std::uint32_t fallback) const {
  return has(key) ? get_u32(key) : fallback;
}

float GgufFile::get_f32(const std::string& key) const {
  const auto* real = std::get_if<double>(&value(key));
  if (!real) throw ConfigError(file_, "metadata key " + key + " is not a single floating-point number");
  if (!(std::abs(*real) <= static_cast<double>(std::numeric_limits<float>::max())))
    throw ConfigError(file_, "metadata key " + key + " is not a finite number");
  return static_cast<float>(*real);
}
float GgufFile::get_f32(const std::string& key, float fallback) const {
  return has(key) ? get_f32(key) : fallback;
}

bool GgufFile::get_bool(const std::string& key, bool fallback) const {
  if (!has(key)) return fallback;
  const auto* flag = std::get_if<bool>(&value(key));
  if (!flag) throw ConfigError(file_, "metadata key " + key + " is not a boolean");
  return *flag;
}

std::string GgufFile::get_string(const std::string& key) const {
  const auto* text = std::get_if<std::string>(&value(key));
  if (!text) throw ConfigError(file_, "metadata key " + key + " is not a string");
  return *text;
}
std::string GgufFile::get_string(const std::string& key, const std::string& fallback) const {
  return has(key) ? get_string(key) : fallback;
}

const GgufArray& GgufFile::get_array(const std::string& key) const {
  const auto* array = std::get_if<GgufArray>(&value(key));
  if (!array) throw ConfigError(file_, "metadata key " + key + " is not an array");
  return *array;
}

Tensor GgufFile::tensor(const std::string& name, std::uint64_t rows, std::uint64_t cols) const {
  const auto found = tensor_index_.find(name);
  if (found == tensor_index_.end()) throw ConfigError(file_, "tensor " + name + " is missing");
  const GgufTensor& info = tensors_[found->second];
  std::vector<std::uint64_t> expected = {cols};
  if (rows != 1) expected.push_back(rows);
  std::vector<std::uint64_t> extent = info.extent;
  while (extent.size() > expected.size() && extent.back() == 1) extent.pop_back();
  if (extent != expected)
    throw ConfigError(file_, "tensor " + name + " has shape " + shape_text(info.extent) + ", expected " +
                                 shape_text(expected));

  Tensor out{name, rows, cols, SourceFormat::kF32, nullptr, bytes_};
  switch (info.type) {
    case 0:
      out.format = SourceFormat::kF32;
      break;
    case 1:
      out.format = SourceFormat::kF16;
      break;
    case 8:
      out.format = SourceFormat::kQ8_0;
      break;
    case 30:
      out.format = SourceFormat::kBf16;
      break;
    default:
      throw ConfigError(file_, "tensor " + name + " has format " + ggml_type_name(info.type) +
                                   ", supported are F32, F16, BF16, Q8_0");
  }
  if (out.format == SourceFormat::kQ8_0 && cols % 32 != 0)
    throw ConfigError(file_, "tensor " + name + " has format Q8_0 but rows of " + std::to_string(cols) +
                                 " elements, not a multiple of 32");
  // cols < 2^63 here: both extents come from 32-bit shape values (see check_config).
  const std::uint64_t bytes = checked_product(row_bytes(out.format, cols), rows, file_, "tensor size");
  if (info.offset % alignment_ != 0)
    throw ConfigError(file_, "tensor " + name + " is at offset " + std::to_string(info.offset) +
                                 ", not a multiple of the alignment " + std::to_string(alignment_));
  const std::uint64_t available = bytes_->size() - data_begin_;
  if (info.offset > available || bytes > available - info.offset)
    throw ConfigError(file_, "truncated: tensor " + name + " needs " + std::to_string(bytes) +
                                 " bytes at offset " + std::to_string(info.offset) +
                                 " of the data section, which has " + std::to_string(available));
  out.data = bytes_->data() + data_begin_ + info.offset;
  return out;
}

}  // namespace memwall::loader
