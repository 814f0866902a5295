// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// Speed of the kernels that decide the wall time of functional runs; reported, never judged.
#include <gtest/gtest.h>

#include <cstdio>
#include <ctime>
#include <vector>

#include "common/rng.h"
#include "numerics/kernels.h"

namespace memwall::numerics {
namespace {

/// CPU time, so that other load on the machine does not count.
template <class Function>
double seconds_of(Function&& function) {
  const std::clock_t start = std::clock();
  function();
  return static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
}

void measure_matvec(const char* name, Format format, std::size_t rows, std::size_t k, int repeats) {
  Rng rng(1, name);
  std::vector<float> x(k), y(rows), row(k);
  for (float& v : x) v = static_cast<float>(rng.uniform());
  const std::size_t stride = k * bytes_per_element(format);
  std::vector<std::uint8_t> w(rows * stride), scales(rows * (k / 32), 127);
  for (std::size_t r = 0; r < rows; ++r) {
    for (float& v : row) v = static_cast<float>(rng.uniform() - 0.5) * 0.1f;
    if (format == Format::kMxint8) {
      for (std::size_t i = 0; i < k; ++i) w[r * stride + i] = static_cast<std::uint8_t>(rng.next());
    } else {
      from_f32(format, row.data(), &w[r * stride], k);
    }
  }
  const Matrix matrix{format, w.data(), stride, scales.data(), k / 32};
  float sum = 0;
  const double seconds = seconds_of([&] {
    for (int i = 0; i < repeats; ++i) {
      matvec(matrix, x.data(), y.data(), rows, k);
      sum += y[0];
    }
  });
  EXPECT_EQ(sum, sum);
  std::printf("matvec %s: %.0f M MAC/s\n", name, static_cast<double>(rows * k) * repeats / seconds * 1e-6);
}

TEST(NumericsBench, Matvec) {
  measure_matvec("f32", Format::kF32, 512, 512, 400);
  measure_matvec("f16", Format::kF16, 512, 512, 400);
  measure_matvec("bf16", Format::kBf16, 512, 512, 400);
  measure_matvec("mxint8", Format::kMxint8, 512, 512, 400);
}

TEST(NumericsBench, Exp) {
  float sum = 0;
  const int count = 20000000;
  const double seconds = seconds_of([&] {
    for (int i = 0; i < count; ++i) sum += exp_f32(-static_cast<float>(i & 63));
  });
  EXPECT_GT(sum, 0.0f);
  std::printf("exp: %.0f M/s\n", count / seconds * 1e-6);
}

}  // namespace
}  // namespace memwall::numerics
