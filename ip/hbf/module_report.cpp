// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "common/sc_time.h"
#include "hbf/controller.h"
#include "hbf/module.h"

namespace memwall::hbf {
namespace {

double ns(TimePs t) { return static_cast<double>(t) / kPsPerNs; }

/// What all channels of a cube have counted, and the state of their blocks.
struct Sum {
  ChannelCounters channels;
  Media::Counters media;
  Media::Wear wear;
  std::uint64_t resident_bytes = 0;

  explicit Sum(const Cube& cube) {
    const unsigned n = cube.config().channels;
    for (unsigned i = 0; i < n; ++i) {
      const ChannelCounters& c = cube.channel(i).counters();
      channels.read_bytes += c.read_bytes;
      channels.page_reads += c.page_reads;
      channels.buffer_hits += c.buffer_hits;
      channels.evictions += c.evictions;
      channels.sense_busy += c.sense_busy;
      channels.program_busy += c.program_busy;
      // The channels of a cube throttle together.
      channels.light_time = std::max(channels.light_time, c.light_time);
      channels.severe_time = std::max(channels.severe_time, c.severe_time);
      const Media& m = cube.channel(i).media();
      const Media::Counters& count = m.counters();
      media.senses += count.senses;
      media.corrected += count.corrected;
      media.retried += count.retried;
      media.uncorrectable += count.uncorrectable;
      media.programs += count.programs;
      media.program_fails += count.program_fails;
      media.erases += count.erases;
      media.retired += count.retired;
      const Media::Wear w = m.wear();
      wear.max_pec = std::max(wear.max_pec, w.max_pec);
      wear.average_pec += w.average_pec / n;
      resident_bytes += m.contents().resident_bytes();
    }
  }
};

}  // namespace

void HbfModule::report(StatSink& sink) const {
  controller_->advance(to_ps(sc_core::sc_time_stamp()));
  const Controller::Counters& own = controller_->counters();
  const ReadAhead::Counters& ahead = controller_->read_ahead().counters();
  const Config& config = controller_->config();
  const Sum sum(controller_->cube());
  const ChannelCounters& c = sum.channels;
  const Media::Counters& m = sum.media;

  sink.count("read_bytes", c.read_bytes, "bytes",
             "Bytes that reads brought over the links, in whole 64 B chunks, read-ahead included.");
  sink.count("write_bytes", own.written_bytes, "bytes", "Bytes of page writes sent to the cube.");
  sink.count("page_reads", c.page_reads, "pages", "Read commands that reached a page.");
  sink.count("senses", m.senses, "senses", "Page senses, retries included.");
  sink.count("buffer_hits", c.buffer_hits, "pages", "Page reads served from a page buffer without a sense.");
  sink.count("evictions", c.evictions, "pages", "Pages displaced from a page buffer by a later sense.");
  sink.count("prefetch_hits", ahead.hits, "pages", "Page parts served from pages that were read ahead.");
  sink.count("prefetch_misses", own.misses, "pages", "Page parts that had to be read from the cube.");
  sink.count("prefetch_wasted", ahead.wasted, "pages", "Pages read ahead and dropped without use.");
  sink.amount("hidden_latency_ns", ns(ahead.hidden), "ns",
              "Latency of pages read ahead that nobody waited for, summed over pages.");
  sink.amount("exposed_latency_ns", ns(ahead.exposed + own.exposed), "ns",
              "Latency of page reads that the chip waited for, summed over pages.");
  sink.count("programs", m.programs, "pages", "Page programs.");
  sink.count("program_fails", m.program_fails, "pages", "Page programs that failed.");
  sink.count("erases", m.erases, "blocks", "Block erases.");
  sink.count("refused_writes", own.refused_writes, "pages",
             "Page writes that were not answered with status 0.");
  sink.count("blocks_retired", m.retired, "blocks", "Blocks taken out of use.");
  sink.count("ecc_corrected", m.corrected, "senses", "Senses with corrected bit errors.");
  sink.count("ecc_retried", m.retried, "pages", "Page reads that needed a retry stage.");
  sink.count("ecc_uncorrectable", m.uncorrectable, "pages", "Page reads that stayed uncorrectable.");
  sink.count("refresh_hints", own.refresh_hints, "pages",
             "Page reads answered with 0x5 or 0x4: refresh the block.");
  sink.count("blocks_rewritten", own.rewritten, "blocks",
             "Blocks with contents that were written again from page 0: refreshes and replays.");
  sink.amount("sense_busy_ns", ns(c.sense_busy), "ns", "Time spent sensing, summed over banks.");
  sink.amount("program_busy_ns", ns(c.program_busy), "ns",
              "Time spent programming and erasing, summed over banks.");
  sink.amount("read_latency_ns", ns(own.read_latency), "ns",
              "Time from arrival to last byte, summed over read transactions.");
  sink.count("read_accesses", own.read_requests, "requests", "Read transactions.");
  sink.amount("light_throttle_ns", ns(c.light_time), "ns", "Time of light throttling.");
  sink.amount("severe_throttle_ns", ns(c.severe_time), "ns", "Time of severe throttling (CATTRIP).");
  sink.amount(
      "energy_pj", controller_->cube().energy_pj(), "pJ",
      "Sensed, programmed, erased and moved bits times the preset's energies per bit, and idle power.");
  sink.level("pec_max", sum.wear.max_pec, "cycles", "Program/erase cycles of the most worn block.");
  sink.level("pec_average", sum.wear.average_pec, "cycles", "Program/erase cycles, mean over all blocks.");
  // A block erased for pages that are never written wears all the same.
  const auto written = static_cast<double>(own.written_bytes);
  sink.level("write_amplification",
             written > 0 ? static_cast<double>(m.erases * config.block_bytes()) / written : 0.0, "1",
             "Bytes of erased blocks per byte written since the start; 0 without writes.");
  sink.level("block_bytes", static_cast<double>(config.block_bytes()), "bytes", "What an erase wears.");
  sink.level("endurance_cycles", config.reliability.endurance_cycles, "cycles",
             "Program/erase cycles that a block endures.");
  sink.level("temperature_c", controller_->cube().celsius(), "degC", "Temperature of the cube.");
  sink.level("peak_read_gbytes_per_s", config.peak_read_gbytes_per_s(), "gbytes_per_s",
             "The smaller of planes x page / tR and the channel links together.");
  sink.level("peak_write_gbytes_per_s",
             std::min(static_cast<double>(config.planes() * kPageBytes) /
                          static_cast<double>(config.timing.tPROG) * 1000.0,
                      config.channels * config.link.write_gbytes_per_s()),
             "gbytes_per_s",
             "The smaller of planes x page / tPROG and the channel links together; erases come on top.");
  sink.level("capacity_bytes", static_cast<double>(config.capacity_bytes), "bytes", "Addressable capacity.");
  sink.level("resident_host_bytes", static_cast<double>(sum.resident_bytes), "bytes",
             "Host memory that holds the cube's contents.");
}

}  // namespace memwall::hbf
