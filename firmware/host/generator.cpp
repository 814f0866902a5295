// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "reference/generator.h"

#include <utility>

#include "backend.h"
#include "common/error.h"
#include "host_status.h"
#include "llm/decode.h"

namespace memwall::reference {

struct Generator::State {
  State(MemoryReader reader, std::uint64_t sram_bytes)
      : runtime(std::move(reader), sram_bytes), decoder(std::make_unique<decoder_t>()) {}
  rt runtime;
  std::unique_ptr<decoder_t> decoder;
};

Generator::Generator(MemoryReader reader, std::uint64_t manifest_address, const Options& options)
    : state_(std::make_unique<State>(std::move(reader), options.sram_bytes)) {
  const status_t status = decoder_init(state_->decoder.get(), &state_->runtime, manifest_address);
  if (status != STATUS_OK || state_->runtime.status != STATUS_OK)
    throw ConfigError("host reference: " + state_->runtime.console);
}

Generator::~Generator() = default;

Result Generator::generate(const Request& request, const TokenCallback& on_token) {
  struct Collector {
    Result result;
    const TokenCallback* on_token;
  } collector{{}, &on_token};
  generate_request_t r = {};
  r.prompt = request.prompt.data();
  r.prompt_tokens = static_cast<std::uint32_t>(request.prompt.size());
  r.max_new_tokens = request.max_new_tokens;
  r.eos_token = request.eos_token;
  r.temperature = request.temperature;
  r.top_p = request.top_p;
  r.top_k = request.top_k;
  r.seed = request.seed;
  generate_sink_t sink = {};
  sink.context = &collector;
  sink.token = [](void* context, std::uint32_t token, std::uint32_t position) {
    auto* to = static_cast<Collector*>(context);
    to->result.tokens.push_back(token);
    if (*to->on_token) (*to->on_token)(token, position);
  };
  collector.result.status = host_status(decoder_generate(state_->decoder.get(), &r, &sink));
  return std::move(collector.result);
}

const std::vector<float>& Generator::logits() const { return state_->runtime.logits; }
std::uint32_t Generator::context_capacity() const { return state_->decoder->capacity; }
std::uint32_t Generator::prefill_batch() const { return state_->decoder->at.batch; }
const std::string& Generator::console() const { return state_->runtime.console; }

}  // namespace memwall::reference
