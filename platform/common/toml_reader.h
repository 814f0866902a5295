// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// Strict reading of TOML: every key is asked for by name with its accepted values; whatever is left over is
/// an error. Every message carries file:line:column. toml++ stays inside the .cpp.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace memwall {

class TomlFile;

/// One table of a file. Reading a key marks it as known; finish() refuses the others.
class TomlTable {
 public:
  TomlTable(TomlTable&&) noexcept;
  TomlTable& operator=(TomlTable&&) noexcept;
  ~TomlTable();

  bool has(const std::string& key) const;
  /// "file:line:column" of a key's value, of the table itself for "", or "--set key" for an override.
  std::string place(const std::string& key = "") const;
  /// File in which the value of a key stands; after overlay() not every value is from the same one.
  std::string file(const std::string& key) const;

  /// Value in [min, max], or `fallback` if the key is absent.
  std::uint64_t integer(const std::string& key, std::uint64_t fallback, std::uint64_t min, std::uint64_t max);
  double real(const std::string& key, double fallback, double min, double max);
  bool boolean(const std::string& key, bool fallback);
  std::string text(const std::string& key, const std::string& fallback);
  /// One of `accepted`.
  std::string choice(const std::string& key, const std::string& fallback,
                     const std::vector<std::string>& accepted);
  /// As above, but the key must be there.
  std::uint64_t required_integer(const std::string& key, std::uint64_t min, std::uint64_t max);
  double required_real(const std::string& key, double min, double max);
  std::string required_text(const std::string& key);

  /// Child table; an empty one if absent.
  TomlTable table(const std::string& key);
  /// Elements of an array of tables; empty if absent.
  std::vector<TomlTable> tables(const std::string& key);
  /// Elements of an array of strings; empty if absent.
  std::vector<std::string> texts(const std::string& key);
  /// Keys present, in file order of the parser.
  std::vector<std::string> keys() const;

  /// Throws ConfigError for the first key that nobody asked for, naming the accepted ones.
  void finish() const;

 private:
  friend class TomlFile;
  struct Impl;
  explicit TomlTable(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// A parsed file. Must outlive its tables.
class TomlFile {
 public:
  /// Throws ConfigError("file:line:column: ...") on a syntax error or an unreadable file.
  static TomlFile load(const std::string& path);
  /// For tests and fuzzing: `name` stands for the path in messages.
  static TomlFile parse(const std::string& text, const std::string& name);
  TomlFile(TomlFile&&) noexcept;
  ~TomlFile();

  /// Applies "a.b.c=value"; the value is TOML, or a bare string if it does not parse.
  void set(const std::string& assignment);
  /// Lays `over` on top: its tables override key by key, recursively; any other value, an inline table
  /// `{ ... }` included, replaces what was there. Top-level arrays named in `appended` are joined instead.
  /// Every value keeps its place.
  void overlay(TomlFile&& over, const std::set<std::string>& appended);
  TomlTable root();

 private:
  friend class TomlTable;
  struct Impl;
  explicit TomlFile(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace memwall
