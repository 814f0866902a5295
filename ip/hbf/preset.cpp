// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "common/error.h"
#include "common/toml_reader.h"
#include "hbf/config.h"

namespace memwall::hbf {
namespace {

/// Reads `key = { <unit> = number, source = "..." }`; the source is a key of [sources] or "assumed".
class Reader {
 public:
  explicit Reader(TomlTable root) : root_(std::move(root)), sources_(root_.table("sources")) {}

  Config read() {
    Config config;
    config.name = root_.required_text("name");
    for (const std::string& name : sources_.keys()) sources_.required_text(name);

    TomlTable geometry = root_.table("geometry");
    config.channels = whole(geometry, "channels", "count", 1, 16);
    config.dies_per_channel = whole(geometry, "dies_per_channel", "count", 1, 16);
    config.planes_per_die = whole(geometry, "planes_per_die", "count", 1, 4096);
    config.pages_per_block = whole(geometry, "pages_per_block", "count", 1, 4096);
    config.blocks_per_plane = whole(geometry, "blocks_per_plane", "count", 1, 1 << 20);
    whole(geometry, "page", "bytes", kPageBytes, kPageBytes);
    config.capacity_bytes = std::uint64_t{whole(geometry, "capacity", "gib", 1, 65536)} << 30;
    geometry.finish();

    TomlTable timing = root_.table("timing");
    config.timing.tR = time(timing, "tR", 1);
    config.timing.tPROG = time(timing, "tPROG", 1);
    config.timing.tBERS = time(timing, "tBERS", 1);
    config.timing.tECC = time(timing, "tECC", 0);
    config.timing.tRETRY = time(timing, "tRETRY", 1);
    config.retry_stages = whole(timing, "retry_stages", "count", 0, 7);
    timing.finish();

    TomlTable link = root_.table("link");
    config.link_gbytes_per_s = real(link, "channel_payload", "gbytes_per_s", 0.001, 1e5);
    config.link_latency = time(link, "latency", 0);
    link.finish();

    TomlTable energy = root_.table("energy");
    config.sense_pj_per_bit = real(energy, "sense", "pj_per_bit", 0, 1e5);
    config.transfer_pj_per_bit = real(energy, "transfer", "pj_per_bit", 0, 1e5);
    config.program_pj_per_bit = real(energy, "program", "pj_per_bit", 0, 1e5);
    energy.finish();

    TomlTable bandwidth = root_.table("bandwidth");
    config.read_gbytes_per_s = real(bandwidth, "read", "gbytes_per_s", 0.001, 1e5);
    const std::string claim = bandwidth.place("read");
    bandwidth.finish();

    root_.finish();
    config.assumed = std::move(assumed_);
    check(config, claim);
    return config;
  }

 private:
  template <typename Get>
  auto with_source(TomlTable& section, const char* key, Get get) {
    if (!section.has(key)) section.required_text(key);  // throws: missing
    TomlTable entry = section.table(key);
    const auto value = get(entry);
    const std::string source = entry.required_text("source");
    if (source == "assumed") {
      assumed_.push_back(key);
    } else if (!sources_.has(source)) {
      throw ConfigError(entry.place("source"),
                        fmt::format("source \"{}\" of {} is neither \"assumed\" nor one of [sources]: {}",
                                    source, key, fmt::join(sources_.keys(), ", ")));
    }
    entry.finish();
    return value;
  }
  unsigned whole(TomlTable& section, const char* key, const char* unit, std::uint64_t min,
                 std::uint64_t max) {
    return with_source(section, key, [&](TomlTable& entry) {
      return static_cast<unsigned>(entry.required_integer(unit, min, max));
    });
  }
  double real(TomlTable& section, const char* key, const char* unit, double min, double max) {
    return with_source(section, key, [&](TomlTable& entry) { return entry.required_real(unit, min, max); });
  }
  TimePs time(TomlTable& section, const char* key, double min_ns) {
    return static_cast<TimePs>(std::llround(real(section, key, "ns", min_ns, 1e9) * 1000.0));
  }

  TomlTable root_;
  TomlTable sources_;
  std::vector<std::string> assumed_;
};

}  // namespace

double Config::peak_read_gbytes_per_s() const {
  return std::min(array_gbytes_per_s(), all_links_gbytes_per_s());
}

void check(const Config& config, const std::string& place) {
  const std::uint64_t blocks = config.planes() * config.blocks_per_plane;
  if (blocks == 0 || config.pages_per_block == 0 || config.timing.tR == 0 ||
      !(config.link_gbytes_per_s > 0)) {
    throw ConfigError(place, "geometry, tR and link bandwidth must not be zero");
  }
  if (config.retry_stages > 7) throw ConfigError(place, "at most 7 retry stages can be named");
  if (blocks > (std::uint64_t{1} << 26)) {
    throw ConfigError(place, fmt::format("{} blocks in one cube; at most 2^26 are supported", blocks));
  }
  if (config.capacity_bytes == 0 || config.capacity_bytes % (config.channels * kPageBytes) != 0) {
    throw ConfigError(place,
                      fmt::format("the capacity must be a multiple of channels x {} bytes", kPageBytes));
  }
  const std::uint64_t row = config.planes() * config.pages_per_block * kPageBytes;
  const std::uint64_t raw = row * config.blocks_per_plane;
  if (raw < config.capacity_bytes) {
    throw ConfigError(
        place,
        fmt::format("the blocks hold {} bytes but the capacity is {}: {} more blocks per plane are needed",
                    raw, config.capacity_bytes, (config.capacity_bytes - raw + row - 1) / row));
  }
  if (config.array_gbytes_per_s() < config.read_gbytes_per_s) {
    const double needed = config.read_gbytes_per_s * static_cast<double>(config.timing.tR) / 1000.0 /
                          static_cast<double>(kPageBytes);
    const auto missing = static_cast<std::uint64_t>(std::ceil(needed)) - config.planes();
    throw ConfigError(
        place,
        fmt::format("{} GB/s claimed, but {} planes x {} B / {} ns give {:.1f} GB/s: {} planes are missing",
                    config.read_gbytes_per_s, config.planes(), kPageBytes,
                    static_cast<double>(config.timing.tR) / 1000.0, config.array_gbytes_per_s(), missing));
  }
  if (config.all_links_gbytes_per_s() < config.read_gbytes_per_s) {
    throw ConfigError(place, fmt::format("{} GB/s claimed, but {} channels x {} GB/s give {:.1f} GB/s",
                                         config.read_gbytes_per_s, config.channels, config.link_gbytes_per_s,
                                         config.all_links_gbytes_per_s()));
  }
}

Config parse_preset(const std::string& text, const std::string& path) {
  TomlFile file = TomlFile::parse(text, path);
  return Reader(file.root()).read();
}

Config load_preset(const std::string& path) {
  TomlFile file = TomlFile::load(path);
  return Reader(file.root()).read();
}

}  // namespace memwall::hbf
