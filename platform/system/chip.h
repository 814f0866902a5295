// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// One chip: hart, peripherals, accelerator, memories, near-memory units and link ports around one router, at
/// the addresses of chip_map.toml. Only structure; every behaviour is in the blocks.
#pragma once

#include <tlm_utils/simple_initiator_socket.h>

#include <systemc>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "accel/config.h"
#include "common/stats.h"
#include "common/time.h"
#include "config/scenario.h"
#include "hbf/config.h"
#include "hbm/engine.h"

namespace memwall::hart {
class HartModule;
}
namespace memwall::link {
class LinkPort;
}
namespace memwall::loader {
struct ElfImage;
}
namespace memwall::soc {
class Mailbox;
class SysCtrl;
class Uart;
}  // namespace memwall::soc

namespace memwall::system {

/// What is the same for every chip of a node.
struct ChipConfig {
  const config::Scenario* scenario = nullptr;
  hbm::Preset hbm;
  std::shared_ptr<hbm::SteadyState> hbm_periods = hbm::make_periods();  ///< of all stacks of all chips
  hbf::Config hbf;
  std::uint64_t hbm_stack_bytes = 0;
  std::uint64_t hbf_cube_bytes = 0;
  std::string waveform_dir;    ///< where pnm.waveform puts its files
  bool stop_at_start = false;  ///< harts call the debugger before their first instruction
};

/// Clock period of a frequency, rounded to whole picoseconds.
TimePs period_ps(double mhz);

inline constexpr std::uint32_t kInboxBytes = 4u << 20;
inline constexpr std::uint32_t kMailboxRamBytes = 1u << 20;

class Chip : public sc_core::sc_module {
 public:
  Chip(const sc_core::sc_module_name& name, const ChipConfig& config, std::uint32_t index);
  ~Chip() override;

  hart::HartModule& hart();
  soc::Mailbox& mailbox();
  soc::SysCtrl& sysctrl();
  soc::Uart& uart();
  /// Port to another chip: ports are numbered by ascending peer, skipping this chip.
  link::LinkPort& link(std::uint32_t port);

  /// Contents without time and side effects, by chip address. False if any byte is not there.
  bool debug_read(std::uint64_t address, void* out, std::uint64_t bytes);
  bool debug_write(std::uint64_t address, const void* in, std::uint64_t bytes);
  /// Declares that the range has contents, without giving them: HBF pages count as programmed.
  bool debug_mark(std::uint64_t address, std::uint64_t bytes);
  /// Segments through debug_write. Throws ConfigError for a segment outside ROM and TCM.
  void load(const loader::ElfImage& image);

  void report(const StatSink& sink) const;

 private:
  struct Parts;
  bool debug(tlm::tlm_command command, std::uint64_t address, unsigned char* bytes, std::uint64_t count);

  tlm_utils::simple_initiator_socket<Chip> debug_isock_;
  std::unique_ptr<Parts> parts_;
};

}  // namespace memwall::system
