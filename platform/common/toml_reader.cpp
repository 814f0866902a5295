// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "common/toml_reader.h"

#include <fmt/format.h>

#include <toml++/toml.h>
#include <set>
#include <sstream>

#include "common/error.h"

namespace memwall {

struct TomlFile::Impl {
  std::string name;
  toml::table root;
  std::set<std::string> overrides;  // dotted paths given by set()
};

struct TomlTable::Impl {
  const TomlFile::Impl* file = nullptr;
  const toml::table* table = nullptr;  // null: absent
  std::string path;                    // dotted path of this table, "" for the root
  std::set<std::string> known;

  std::string dotted(const std::string& key) const { return path.empty() ? key : path + "." + key; }

  const toml::node* find(const std::string& key) {
    known.insert(key);
    return table ? table->get(key) : nullptr;
  }

  std::string place_of(const toml::node* node, const std::string& key) const {
    // An override may also hold the whole table or array that the key is in.
    const std::string full = dotted(key);
    for (const std::string& set : file->overrides) {
      const bool inside = full.compare(0, set.size(), set) == 0 &&
                          (full.size() == set.size() || full[set.size()] == '.' || full[set.size()] == '[');
      if (inside) return "--set " + full;
    }
    const auto& begin = node ? node->source().begin : toml::source_position{};
    if (begin.line == 0) return file_of(node);
    return fmt::format("{}:{}:{}", file_of(node), begin.line, begin.column);
  }

  const std::string& file_of(const toml::node* node) const {
    return node && node->source().path ? *node->source().path : file->name;
  }

  [[noreturn]] void refuse(const toml::node* node, const std::string& key, const std::string& why) const {
    throw ConfigError(place_of(node, key), fmt::format("{} {}", dotted(key), why));
  }

  [[noreturn]] void missing(const std::string& key) const {
    throw ConfigError(table ? place_of(table, "") : file->name, fmt::format("{} is missing", dotted(key)));
  }
};

namespace {

std::string type_name(const toml::node& node) {
  std::ostringstream out;
  out << node.type();
  return out.str();
}

template <typename T>
std::string join(const T& words) {
  return fmt::format("{}", fmt::join(words, ", "));
}

}  // namespace

TomlTable::TomlTable(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TomlTable::TomlTable(TomlTable&&) noexcept = default;
TomlTable& TomlTable::operator=(TomlTable&&) noexcept = default;
TomlTable::~TomlTable() = default;

bool TomlTable::has(const std::string& key) const { return impl_->table && impl_->table->contains(key); }

std::string TomlTable::place(const std::string& key) const {
  if (key.empty()) return impl_->place_of(impl_->table, "");
  return impl_->place_of(impl_->table ? impl_->table->get(key) : nullptr, key);
}

std::string TomlTable::file(const std::string& key) const {
  return impl_->file_of(impl_->table ? impl_->table->get(key) : nullptr);
}

std::uint64_t TomlTable::integer(const std::string& key, std::uint64_t fallback, std::uint64_t min,
                                 std::uint64_t max) {
  const toml::node* node = impl_->find(key);
  if (!node) return fallback;
  if (!node->is_integer()) {
    impl_->refuse(node, key,
                  fmt::format("must be an integer from {} to {}, not a {}", min, max, type_name(*node)));
  }
  const std::int64_t value = node->as_integer()->get();
  if (value < 0 || static_cast<std::uint64_t>(value) < min || static_cast<std::uint64_t>(value) > max) {
    impl_->refuse(node, key, fmt::format("= {} is out of range: accepted {} to {}", value, min, max));
  }
  return static_cast<std::uint64_t>(value);
}

double TomlTable::real(const std::string& key, double fallback, double min, double max) {
  const toml::node* node = impl_->find(key);
  if (!node) return fallback;
  if (!node->is_number()) {
    impl_->refuse(node, key,
                  fmt::format("must be a number from {} to {}, not a {}", min, max, type_name(*node)));
  }
  const double value = *node->value<double>();
  if (!(value >= min && value <= max)) {
    impl_->refuse(node, key, fmt::format("= {} is out of range: accepted {} to {}", value, min, max));
  }
  return value;
}

bool TomlTable::boolean(const std::string& key, bool fallback) {
  const toml::node* node = impl_->find(key);
  if (!node) return fallback;
  if (!node->is_boolean()) {
    impl_->refuse(node, key, fmt::format("must be true or false, not a {}", type_name(*node)));
  }
  return node->as_boolean()->get();
}

std::string TomlTable::text(const std::string& key, const std::string& fallback) {
  const toml::node* node = impl_->find(key);
  if (!node) return fallback;
  if (!node->is_string())
    impl_->refuse(node, key, fmt::format("must be a string, not a {}", type_name(*node)));
  return node->as_string()->get();
}

std::string TomlTable::choice(const std::string& key, const std::string& fallback,
                              const std::vector<std::string>& accepted) {
  const std::string value = text(key, fallback);
  for (const std::string& word : accepted) {
    if (word == value) return value;
  }
  impl_->refuse(impl_->find(key), key, fmt::format("= \"{}\" is not one of: {}", value, join(accepted)));
}

std::uint64_t TomlTable::required_integer(const std::string& key, std::uint64_t min, std::uint64_t max) {
  if (!impl_->find(key)) impl_->missing(key);
  return integer(key, 0, min, max);
}

double TomlTable::required_real(const std::string& key, double min, double max) {
  if (!impl_->find(key)) impl_->missing(key);
  return real(key, 0.0, min, max);
}

std::string TomlTable::required_text(const std::string& key) {
  if (!impl_->find(key)) impl_->missing(key);
  return text(key, "");
}

TomlTable TomlTable::table(const std::string& key) {
  const toml::node* node = impl_->find(key);
  if (node && !node->is_table()) {
    impl_->refuse(node, key, fmt::format("must be a table, not a {}", type_name(*node)));
  }
  auto child = std::make_unique<Impl>();
  child->file = impl_->file;
  child->table = node ? node->as_table() : nullptr;
  child->path = impl_->dotted(key);
  return TomlTable(std::move(child));
}

std::vector<TomlTable> TomlTable::tables(const std::string& key) {
  std::vector<TomlTable> out;
  const toml::node* node = impl_->find(key);
  if (!node) return out;
  const toml::array* array = node->as_array();
  if (!array || !array->is_homogeneous(toml::node_type::table)) {
    if (array && array->empty()) return out;
    impl_->refuse(node, key, "must be an array of tables");
  }
  for (std::size_t i = 0; i < array->size(); ++i) {
    auto child = std::make_unique<Impl>();
    child->file = impl_->file;
    child->table = array->get(i)->as_table();
    child->path = fmt::format("{}[{}]", impl_->dotted(key), i);
    out.push_back(TomlTable(std::move(child)));
  }
  return out;
}

std::vector<std::string> TomlTable::texts(const std::string& key) {
  std::vector<std::string> out;
  const toml::node* node = impl_->find(key);
  if (!node) return out;
  const toml::array* array = node->as_array();
  if (!array)
    impl_->refuse(node, key, fmt::format("must be an array of strings, not a {}", type_name(*node)));
  for (std::size_t i = 0; i < array->size(); ++i) {
    const toml::node& element = *array->get(i);
    if (!element.is_string()) {
      impl_->refuse(&element, key, fmt::format("[{}] must be a string, not a {}", i, type_name(element)));
    }
    out.push_back(element.as_string()->get());
  }
  return out;
}

std::vector<std::string> TomlTable::keys() const {
  std::vector<std::string> out;
  if (impl_->table) {
    for (const auto& [key, node] : *impl_->table) out.emplace_back(key.str());
  }
  return out;
}

void TomlTable::finish() const {
  for (const std::string& key : keys()) {
    if (impl_->known.count(key)) continue;
    throw ConfigError(
        place(key), fmt::format("unknown key {}; accepted here: {}", impl_->dotted(key), join(impl_->known)));
  }
}

TomlFile::TomlFile(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TomlFile::TomlFile(TomlFile&&) noexcept = default;
TomlFile::~TomlFile() = default;

TomlFile TomlFile::load(const std::string& path) {
  auto impl = std::make_unique<Impl>();
  impl->name = path;
  try {
    impl->root = toml::parse_file(path);
  } catch (const toml::parse_error& error) {
    const auto& at = error.source().begin;
    const std::string place = at.line ? fmt::format("{}:{}:{}", path, at.line, at.column) : path;
    throw ConfigError(place, std::string(error.description()));
  }
  return TomlFile(std::move(impl));
}

TomlFile TomlFile::parse(const std::string& text, const std::string& name) {
  auto impl = std::make_unique<Impl>();
  impl->name = name;
  try {
    impl->root = toml::parse(text, name);
  } catch (const toml::parse_error& error) {
    const auto& at = error.source().begin;
    throw ConfigError(fmt::format("{}:{}:{}", name, at.line, at.column), std::string(error.description()));
  }
  return TomlFile(std::move(impl));
}

void TomlFile::set(const std::string& assignment) {
  const std::size_t equals = assignment.find('=');
  if (equals == std::string::npos || equals == 0) {
    throw ConfigError("--set " + assignment, "expected key=value, e.g. workload.max_new_tokens=32");
  }
  const std::string key = assignment.substr(0, equals);
  const std::string value = assignment.substr(equals + 1);

  toml::table* at = &impl_->root;
  std::size_t begin = 0;
  for (std::size_t dot = key.find('.'); dot != std::string::npos; dot = key.find('.', begin)) {
    const std::string part = key.substr(begin, dot - begin);
    toml::node* child = at->get(part);
    if (!child) child = &at->insert(part, toml::table{}).first->second;
    at = child->as_table();
    if (!at) throw ConfigError("--set " + key, part + " is not a table");
    begin = dot + 1;
  }
  const std::string leaf = key.substr(begin);
  if (leaf.empty()) throw ConfigError("--set " + key, "the key ends in a dot");
  try {
    const toml::table parsed = toml::parse("v = " + value + "\n");
    if (parsed.size() != 1) throw ConfigError("--set " + key, "the value must be one TOML value");
    const toml::node* node = parsed.get("v");
    node->visit([&](const auto& concrete) { at->insert_or_assign(leaf, concrete); });
  } catch (const toml::parse_error&) {
    at->insert_or_assign(leaf, value);
  }
  impl_->overrides.insert(key);
}

namespace {

void overlay_table(toml::table& under, toml::table&& over, const std::set<std::string>& appended) {
  for (auto&& entry : over) {
    const std::string key(entry.first.str());
    toml::node& node = entry.second;
    toml::node* old = under.get(key);
    if (old && old->is_table() && node.is_table() && !node.as_table()->is_inline()) {
      overlay_table(*old->as_table(), std::move(*node.as_table()), {});
    } else if (old && old->is_array() && node.is_array() && appended.count(key) != 0) {
      for (toml::node& element : *node.as_array()) {
        element.visit([&](auto& concrete) { old->as_array()->push_back(std::move(concrete)); });
      }
    } else {
      // Moved, not copied: a copy would lose its place.
      node.visit([&](auto& concrete) { under.insert_or_assign(key, std::move(concrete)); });
    }
  }
}

}  // namespace

void TomlFile::overlay(TomlFile&& over, const std::set<std::string>& appended) {
  overlay_table(impl_->root, std::move(over.impl_->root), appended);
  impl_->name = over.impl_->name;
  impl_->overrides.insert(over.impl_->overrides.begin(), over.impl_->overrides.end());
}

TomlTable TomlFile::root() {
  auto impl = std::make_unique<TomlTable::Impl>();
  impl->file = impl_.get();
  impl->table = &impl_->root;
  return TomlTable(std::move(impl));
}

}  // namespace memwall
