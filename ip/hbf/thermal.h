// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// Temperature of one cube and its throttle state (specification 9.2): first-order model, steps of fixed
/// length, so that the result does not depend on how often it is asked. Not modelled: gradients between dies,
/// heat of the neighbours other than by the ambient temperature.
#pragma once

#include "common/time.h"
#include "hbf/config.h"

namespace memwall::hbf {

class Thermal {
 public:
  explicit Thermal(const ThermalConfig& config) : config_(config), celsius_(config.ambient_c) {}

  /// End of the running step.
  TimePs next_step() const { return begin_ + config_.step; }
  /// Ends one step in which the cube used `energy_pj`.
  void end_step(double energy_pj);
  /// Host's thresholds (TTTEMP).
  void set_thresholds(bool light_enable, double light_c, double recover_c, bool severe_enable,
                      double severe_c);
  void set_temperature(double celsius) {
    celsius_ = celsius;
    update();
  }

  double celsius() const { return celsius_; }
  bool light() const { return light_; }          ///< LTMS: entered at LTT, left below RTT
  bool severe() const { return severe_; }        ///< CATTRIP: entered at STT, left below release_c
  bool shut_down() const { return shut_down_; }  ///< until the power goes

 private:
  void update();
  ThermalConfig config_;
  TimePs begin_ = 0;
  double celsius_;
  bool light_enable_ = true, severe_enable_ = true;
  bool light_ = false, severe_ = false, shut_down_ = false;
};

}  // namespace memwall::hbf
