// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// Stand-in for hardware under a driver: the test lists every access in order, with the values that reads
/// give. An access that differs, or one that is missing at the end, fails the test.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <deque>

namespace memwall::test {

class MmioMock : public ::testing::Test {
 protected:
  static constexpr std::uint64_t kBase = 0x10000000;

  MmioMock() { current_ = this; }
  ~MmioMock() override {
    EXPECT_TRUE(expected_.empty()) << expected_.size() << " expected accesses did not happen";
    current_ = nullptr;
  }
  void expect_read(std::uint32_t offset, std::uint32_t gives) { expected_.push_back({false, offset, gives}); }
  void expect_write(std::uint32_t offset, std::uint32_t value) { expected_.push_back({true, offset, value}); }

 public:
  std::uint32_t access(bool write, std::uint64_t base, std::uint32_t offset, std::uint32_t value) {
    EXPECT_EQ(base, kBase);
    if (expected_.empty()) {
      ADD_FAILURE() << "unexpected " << (write ? "write" : "read") << " at 0x" << std::hex << offset;
      return 0;
    }
    const Access want = expected_.front();
    expected_.pop_front();
    EXPECT_EQ(write, want.write) << "at 0x" << std::hex << offset;
    EXPECT_EQ(offset, want.offset);
    if (write) {
      EXPECT_EQ(value, want.value) << "written at 0x" << std::hex << offset;
    }
    return want.value;
  }
  static MmioMock* current() { return current_; }

 private:
  struct Access {
    bool write;
    std::uint32_t offset, value;
  };
  std::deque<Access> expected_;
  static inline MmioMock* current_ = nullptr;
};

}  // namespace memwall::test
