// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// The decode loop on several chips: one thread and one back-end per chip, messages between them in memory.
/// The number of chips must never change a bit.
#include <gtest/gtest.h>

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <tuple>
#include <vector>

#include "backend.h"
#include "firmware/tiny_model.h"
#include "llm/decode.h"

namespace memwall::test {
namespace {

/// Signal counters of every port, and the inboxes behind them.
class Cluster {
 public:
  explicit Cluster(const TinyShape& shape, std::uint64_t sram_bytes = 1 << 20) : model_(shape) {
    for (std::uint32_t c = 0; c < shape.chips; ++c) {
      images_.push_back(model_.image(c));
      chips_.push_back(std::make_unique<rt>(
          [this, c](std::uint64_t a, void* out, std::uint64_t n) { read_image(images_[c], a, out, n); },
          sram_bytes));
      rt& chip = *chips_.back();
      chip.chip = c;
      chip.n_chips = shape.chips;
      chip.inbox.resize(1 << 20);
      chip.send = [this, c](std::uint32_t peer, const std::vector<std::uint8_t>& message,
                            std::uint32_t offset, std::uint32_t signal) {
        const std::lock_guard lock(mutex_);
        if (messages_left_ == 0) return STATUS_HARDWARE;
        if (messages_left_ > 0) --messages_left_;
        std::vector<std::uint8_t>& inbox = chips_[peer]->inbox;
        EXPECT_LE(offset + message.size(), inbox.size());
        std::copy(message.begin(), message.end(), inbox.begin() + offset);
        ++raised_[{peer, c, signal}];
        changed_.notify_all();
        return STATUS_OK;
      };
      chip.receive = [this, c](std::uint32_t peer, std::uint32_t signal) {
        std::unique_lock lock(mutex_);
        std::uint32_t& taken = taken_[{c, peer, signal}];
        const bool came = changed_.wait_for(lock, std::chrono::seconds(5), [&] {
          return raised_[{c, peer, signal}] != taken || aborted(c);
        });
        if (raised_[{c, peer, signal}] != taken) {
          ++taken;
          return STATUS_OK;
        }
        return came ? STATUS_HARDWARE : STATUS_TIMEOUT;
      };
      decoders_.push_back(std::make_unique<decoder_t>());
    }
  }
  /// After so many messages every port fails.
  void cut_after(int messages) { messages_left_ = messages; }

  struct Result {
    std::vector<std::uint32_t> tokens;
    std::vector<status_t> status;  // per chip
  };
  Result run(const std::vector<std::uint32_t>& prompt, std::uint32_t new_tokens, float temperature = 0) {
    Result result;
    result.status.resize(chips_.size());
    std::vector<std::thread> threads;
    for (std::uint32_t c = 0; c < chips_.size(); ++c) {
      threads.emplace_back([&, c] {
        decoder_t* d = decoders_[c].get();
        status_t status = decoder_init(d, chips_[c].get(), TinyModel::kManifest);
        if (status == STATUS_OK && c != 0) status = decoder_follow(d);
        if (status == STATUS_OK && c == 0) {
          generate_request_t request = {};
          request.prompt = prompt.data();
          request.prompt_tokens = static_cast<std::uint32_t>(prompt.size());
          request.max_new_tokens = new_tokens;
          request.eos_token = 0xffffffffu;
          request.temperature = temperature;
          request.top_p = 0.9f;
          request.top_k = 30;
          request.seed = 3;
          generate_sink_t sink = {};
          sink.context = &result.tokens;
          sink.token = [](void* tokens, std::uint32_t token, std::uint32_t) {
            static_cast<std::vector<std::uint32_t>*>(tokens)->push_back(token);
          };
          status = decoder_generate(d, &request, &sink);
          EXPECT_EQ(decoder_stop(d), STATUS_OK);
        }
        result.status[c] = status;
      });
    }
    for (std::thread& thread : threads) thread.join();
    return result;
  }
  const std::string& console(std::uint32_t chip) const { return chips_[chip]->console; }
  const decoder_t& decoder(std::uint32_t chip) const { return *decoders_[chip]; }
  rt& chip(std::uint32_t c) { return *chips_[c]; }

 private:
  bool aborted(std::uint32_t chip) {
    for (const auto& [key, count] : raised_) {
      if (std::get<0>(key) == chip && std::get<2>(key) == RT_SIGNAL_ABORT && count != 0) return true;
    }
    return false;
  }

  TinyModel model_;
  std::vector<std::map<std::uint64_t, std::vector<std::uint8_t>>> images_;
  std::vector<std::unique_ptr<rt>> chips_;
  std::vector<std::unique_ptr<decoder_t>> decoders_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::tuple<std::uint32_t, std::uint32_t, std::uint32_t>, std::uint32_t> raised_, taken_;
  int messages_left_ = -1;
};

const std::vector<std::uint32_t> kPrompt = {3, 17, 9, 44, 60, 1, 25};

void expect_same_on_every_chip_count(TinyShape shape, float temperature = 0) {
  shape.chips = 1;
  Cluster single(shape);
  const Cluster::Result want = single.run(kPrompt, 8, temperature);
  EXPECT_EQ(want.status[0], STATUS_OK);
  EXPECT_EQ(want.tokens.size(), 8u);
  for (std::uint32_t chips : {2u, 4u}) {
    if (shape.slices % chips != 0) continue;
    shape.chips = chips;
    Cluster cluster(shape);
    const Cluster::Result got = cluster.run(kPrompt, 8, temperature);
    EXPECT_EQ(got.tokens, want.tokens) << chips << " chips";
    EXPECT_EQ(got.status[0], STATUS_OK);
    for (std::uint32_t c = 1; c < chips; ++c) EXPECT_EQ(got.status[c], STATUS_STOPPED) << "chip " << c;
    for (std::uint32_t c = 0; c < chips; ++c) {
      EXPECT_EQ(cluster.console(c), "");
      // The residual stream after the last pass, bit for bit.
      const float* a = single.chip(0).vector("test", single.decoder(0).at.x, shape.dim);
      const float* b = cluster.chip(c).vector("test", cluster.decoder(c).at.x, shape.dim);
      ASSERT_TRUE(a != nullptr && b != nullptr);
      EXPECT_EQ(std::vector<float>(a, a + shape.dim), std::vector<float>(b, b + shape.dim)) << "chip " << c;
    }
  }
}

TEST(FirmwareCluster, ChipCountNeverChangesAToken) {
  TinyShape shape;
  shape.slices = 4;
  shape.heads = 8;
  shape.kv_heads = 4;
  for (std::uint32_t format : {FORMAT_F32, FORMAT_F16, FORMAT_MXINT8}) {
    shape.format = format;
    expect_same_on_every_chip_count(shape);
  }
}

TEST(FirmwareCluster, ChipCountNeverChangesASampledToken) {
  TinyShape shape;
  shape.slices = 4;
  shape.vocab = 63;  // parts of 15 and 16 rows
  expect_same_on_every_chip_count(shape, 1.0f);
}

TEST(FirmwareCluster, ChipsWithoutHeadsOrHiddenUnitsKeepStep) {
  TinyShape shape;
  shape.heads = 3;
  shape.kv_heads = 1;
  shape.head_dim = 10;
  shape.dim = 30;
  shape.hidden = 40;  // two blocks of 32 for eight slices
  shape.slices = 8;
  shape.pnm_arenas = 1;
  expect_same_on_every_chip_count(shape);
}

TEST(FirmwareCluster, ChipsAgreeOnTheSmallestPassAndContext) {
  TinyShape shape;
  shape.chips = 2;
  shape.arena_bytes = 0x4000 + 128 + 4 * 2 * 32 * 9;
  Cluster cluster(shape);
  cluster.run(kPrompt, 1);
  EXPECT_EQ(cluster.decoder(0).capacity, cluster.decoder(1).capacity);
  EXPECT_EQ(cluster.decoder(0).at.batch, cluster.decoder(1).at.batch);
}

TEST(FirmwareCluster, AChipThatRefusesTheModelStopsAll) {
  TinyShape shape;
  shape.chips = 2;
  Cluster cluster(shape);
  cluster.chip(1).sram.resize(2048);  // 8 KiB
  const Cluster::Result result = cluster.run(kPrompt, 4);
  EXPECT_EQ(result.status[0], STATUS_UNSUPPORTED);
  EXPECT_EQ(result.status[1], STATUS_UNSUPPORTED);
  EXPECT_NE(cluster.console(0).find("chip 1 cannot run the model"), std::string::npos);
  EXPECT_NE(cluster.console(1).find("scratchpad of 8 KiB"), std::string::npos);
}

TEST(FirmwareCluster, DeadLinksEndTheRequestOnEveryChip) {
  TinyShape shape;
  shape.chips = 2;
  Cluster cluster(shape);
  cluster.cut_after(30);
  const Cluster::Result result = cluster.run(kPrompt, 30);
  EXPECT_LT(result.tokens.size(), 30u);
  EXPECT_TRUE(result.status[0] == STATUS_HARDWARE || result.status[0] == STATUS_TIMEOUT);
  EXPECT_TRUE(result.status[1] == STATUS_HARDWARE || result.status[1] == STATUS_TIMEOUT);
  EXPECT_TRUE(cluster.decoder(0).broken);
}

}  // namespace
}  // namespace memwall::test
