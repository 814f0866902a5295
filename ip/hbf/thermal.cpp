// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "hbf/thermal.h"

#include <cmath>

namespace memwall::hbf {

void Thermal::end_step(double energy_pj) {
  begin_ += config_.step;
  if (!config_.enabled) return;
  const double seconds = static_cast<double>(config_.step) * 1e-12;
  const double watts = energy_pj * 1e-12 / seconds;
  const double target = config_.ambient_c + watts * config_.resistance_k_per_w;
  const double tau = config_.resistance_k_per_w * config_.capacity_j_per_k;
  // Exact for a constant power within the step.
  celsius_ = target + (celsius_ - target) * std::exp(-seconds / tau);
  update();
}

void Thermal::set_thresholds(bool light_enable, double light_c, double recover_c, bool severe_enable,
                             double severe_c) {
  light_enable_ = light_enable;
  severe_enable_ = severe_enable;
  config_.light_c = light_c;
  config_.recover_c = recover_c;
  config_.severe_c = severe_c;
  update();
}

void Thermal::update() {
  if (!light_enable_) {
    light_ = false;
  } else if (celsius_ >= config_.light_c) {
    light_ = true;
  } else if (celsius_ < config_.recover_c) {
    light_ = false;
  }
  // What has tripped stays so until it has cooled down, even if a host raises the threshold.
  if (severe_enable_ && celsius_ >= config_.severe_c) {
    severe_ = true;
  } else if (!severe_enable_ || celsius_ < config_.release_c) {
    severe_ = false;
  }
  if (celsius_ >= config_.shutdown_c) shut_down_ = true;
}

}  // namespace memwall::hbf
