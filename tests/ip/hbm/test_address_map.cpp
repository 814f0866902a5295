// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// Address map against an oracle that works bit by bit and counts bursts one by one, on random small maps with
// and without hashes; what is refused, by name and place.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "common/error.h"
#include "common/rng.h"
#include "hbm/address_map.h"

namespace memwall::hbm {
namespace {

/// A map as a list of address bits per field, least significant first, and its hashes.
struct Oracle {
  std::map<std::string, std::vector<unsigned>> bits;
  struct Source {
    std::string field;
    unsigned bit;
  };
  struct Hash {
    Source target;
    std::vector<Source> sources;
  };
  std::vector<Hash> hashes;
  unsigned address_bits = 0;

  std::uint32_t raw(const std::string& field, std::uint64_t address) const {
    std::uint32_t value = 0;
    const std::vector<unsigned>& from = bits.at(field);
    for (unsigned i = 0; i < from.size(); ++i)
      value |= static_cast<std::uint32_t>(address >> from[i] & 1) << i;
    return value;
  }
  std::uint32_t value(const std::string& field, std::uint64_t address) const {
    std::uint32_t out = raw(field, address);
    for (const Hash& hash : hashes) {
      if (hash.target.field != field) continue;
      for (const Source& source : hash.sources) {
        out ^= (raw(source.field, address) >> source.bit & 1u) << hash.target.bit;
      }
    }
    return out;
  }
  unsigned width(const std::string& field) const { return static_cast<unsigned>(bits.at(field).size()); }
  std::uint64_t capacity() const { return std::uint64_t{1} << address_bits; }
  std::uint64_t burst() const { return std::uint64_t{1} << width("offset"); }
  std::uint32_t pcs() const { return 1u << (width("channel") + width("pseudo_channel")); }
  std::uint32_t pc(std::uint64_t address) const {
    return value("channel", address) << width("pseudo_channel") | value("pseudo_channel", address);
  }
  std::uint32_t bank(std::uint64_t address) const {
    return (value("stack_id", address) << width("bank_group") | value("bank_group", address))
               << width("bank") |
           value("bank", address);
  }

  std::string text() const {
    std::string out;
    for (const auto& [field, from] : bits) {
      for (std::size_t i = from.size(); i-- > 0;) {
        std::size_t low = i;  // joins neighbours into one range
        while (low > 0 && from[low - 1] + 1 == from[low]) --low;
        out += field + "[" + std::to_string(from[i]) +
               (low < i ? ":" + std::to_string(from[low]) : std::string()) + "] ";
        i = low;
      }
    }
    return out;
  }
  std::vector<std::string> hash_texts() const {
    std::vector<std::string> out;
    const auto name = [](const Source& s) { return s.field + "[" + std::to_string(s.bit) + "]"; };
    for (const Hash& hash : hashes) {
      out.push_back(name(hash.target));
      for (const Source& source : hash.sources) out.back() += " ^ " + name(source);
    }
    return out;
  }
  FieldBits widths() const {
    return {width("offset"),   width("channel"),    width("pseudo_channel"),
            width("stack_id"), width("bank_group"), width("bank"),
            width("row"),      width("column")};
  }
};

/// Up to 2^10 bursts; fields anywhere, or (`tidy`) as ranges with the row on top.
Oracle random_map(Rng& rng, bool tidy, bool hashed) {
  Oracle o;
  const struct {
    const char* field;
    unsigned most;
  } fields[] = {{"column", 3},   {"channel", 2}, {"pseudo_channel", 1}, {"bank_group", 1}, {"bank", 2},
                {"stack_id", 1}, {"row", 3}};
  const auto offset = static_cast<unsigned>(rng.below(4));
  for (unsigned i = 0; i < offset; ++i) o.bits["offset"].push_back(i);
  o.bits["offset"];
  std::vector<std::pair<std::string, unsigned>> slots;
  for (const auto& field : fields) {
    auto width = static_cast<unsigned>(rng.below(field.most + 1));
    if (std::string(field.field) == "row") width = field.most;
    o.bits[field.field].resize(width);
    for (unsigned i = 0; i < width; ++i) slots.emplace_back(field.field, i);
  }
  if (!tidy) {
    for (std::size_t i = slots.size(); i > 1; --i) std::swap(slots[i - 1], slots[rng.below(i)]);
  }
  o.address_bits = offset;
  for (const auto& [field, bit] : slots) o.bits[field][bit] = o.address_bits++;
  if (!hashed) return o;

  const auto top_of_pc = [&] {
    unsigned top = 0;
    for (const char* field : {"channel", "pseudo_channel"}) {
      for (const unsigned bit : o.bits[field]) top = std::max(top, bit);
    }
    return top;
  }();
  for (const char* field : {"channel", "pseudo_channel", "stack_id", "bank_group", "bank"}) {
    const bool is_pc = std::string(field) == "channel" || std::string(field) == "pseudo_channel";
    for (unsigned bit = 0; bit < o.width(field); ++bit) {
      if (rng.below(2) == 0) continue;
      Oracle::Hash hash{{field, bit}, {}};
      for (const char* source : {"row", "column"}) {
        for (unsigned i = 0; i < o.width(source); ++i) {
          if (is_pc && o.bits[source][i] < top_of_pc) continue;
          if (rng.below(2) == 0) hash.sources.push_back({source, i});
        }
      }
      if (!hash.sources.empty()) o.hashes.push_back(hash);
    }
  }
  return o;
}

std::string describe(const Oracle& o) {
  std::string out = o.text();
  for (const std::string& hash : o.hash_texts()) out += "; " + hash;
  return out;
}

void expect_equal(const Oracle& o) {
  SCOPED_TRACE(describe(o));
  const AddressMap map(o.text(), o.hash_texts(), o.widths(), "p:1:1");
  ASSERT_EQ(map.address_bits(), o.address_bits);

  // The bursts of every pseudo-channel in order of address: their position is the local index.
  std::vector<std::vector<std::uint64_t>> bursts(o.pcs());
  for (std::uint64_t a = 0; a < o.capacity(); a += o.burst()) {
    const std::uint32_t pc = o.pc(a);
    const Location at = map.decode(a + o.burst() - 1);
    ASSERT_EQ(at.channel, o.value("channel", a));
    ASSERT_EQ(at.pseudo_channel, o.value("pseudo_channel", a));
    ASSERT_EQ(at.stack_id, o.value("stack_id", a));
    ASSERT_EQ(at.group, at.stack_id << o.width("bank_group") | o.value("bank_group", a));
    ASSERT_EQ(at.bank, o.bank(a));
    ASSERT_EQ(at.row, o.value("row", a));
    ASSERT_EQ(at.column, o.value("column", a));
    ASSERT_EQ(map.encode(at), a);
    const std::uint64_t local = bursts[pc].size();
    ASSERT_EQ(map.local(a), local);
    ASSERT_EQ(map.address(pc, local), a);
    const Place place = map.place(local);
    ASSERT_EQ(place.bank, at.bank);
    ASSERT_EQ(place.row, at.row);
    ASSERT_EQ(place.column, at.column);
    bursts[pc].push_back(a);
  }
  for (std::uint32_t pc = 0; pc < o.pcs(); ++pc) {
    std::uint64_t below = 0;
    for (std::uint64_t a = 0; a <= o.capacity(); a += o.burst()) {
      ASSERT_EQ(map.first_local(pc, a), below) << "pseudo-channel " << pc << " address " << a;
      if (below < bursts[pc].size() && bursts[pc][below] == a) ++below;
    }
  }

  // Stripe: the least power of two in which all pseudo-channels have the same local indices.
  const auto is_stripe = [&](std::uint64_t bytes) {
    for (std::uint64_t start = 0; start < o.capacity(); start += bytes) {
      for (std::uint32_t pc = 0; pc < o.pcs(); ++pc) {
        for (const std::uint64_t edge : {start, start + bytes}) {
          if (map.first_local(pc, edge) != map.first_local(0, edge)) return false;
        }
      }
    }
    return true;
  };
  std::uint64_t stripe = o.burst();
  while (!is_stripe(stripe)) stripe *= 2;
  EXPECT_EQ(map.stripe_bytes(), stripe);

  // Pattern: count from the top the row bits that ascend one by one and are in no hash.
  std::vector<unsigned> local_bits;
  for (unsigned bit = o.width("offset"); bit < o.address_bits; ++bit) {
    bool in_pc = false;
    for (const char* field : {"channel", "pseudo_channel"}) {
      for (const unsigned b : o.bits.at(field)) in_pc = in_pc || b == bit;
    }
    if (!in_pc) local_bits.push_back(bit);
  }
  const std::vector<unsigned>& row = o.bits.at("row");
  unsigned pattern = static_cast<unsigned>(local_bits.size());
  for (unsigned i = static_cast<unsigned>(row.size()); i-- > 0 && local_bits[pattern - 1] == row[i];
       --pattern) {
    bool used = false;
    for (const auto& hash : o.hashes) {
      for (const auto& source : hash.sources) used = used || (source.field == "row" && source.bit == i);
    }
    if (used) break;
  }
  EXPECT_EQ(map.pattern_bits(), pattern);
  const std::uint64_t locals = std::uint64_t{1} << local_bits.size();
  for (std::uint64_t l = 0; l + (std::uint64_t{1} << pattern) < locals; ++l) {
    const Place here = map.place(l);
    const Place there = map.place(l + (std::uint64_t{1} << pattern));
    ASSERT_EQ(there.row, here.row + map.row_step());
    ASSERT_EQ(there.bank, here.bank);
    ASSERT_EQ(there.column, here.column);
  }
}

TEST(HbmAddressMap, AgreesWithBitByBitDecodingAndCountingOnRandomMaps) {
  Rng rng(3, "maps");
  for (int i = 0; i < 400; ++i) {
    expect_equal(random_map(rng, i % 2 == 0, i % 4 >= 2));
    if (HasFatalFailure() || HasNonfatalFailure()) return;
  }
}

TEST(HbmAddressMap, LocalIndicesOfARangeOfAddressesAreARange) {
  Rng rng(4, "ranges");
  for (int i = 0; i < 200; ++i) {
    const Oracle o = random_map(rng, false, true);
    SCOPED_TRACE(describe(o));
    const AddressMap map(o.text(), o.hash_texts(), o.widths(), "p:1:1");
    const std::uint64_t bursts = o.capacity() / o.burst();
    const std::uint64_t begin = rng.below(bursts + 1) * o.burst();
    const std::uint64_t end = begin + rng.below((o.capacity() - begin) / o.burst() + 1) * o.burst();
    std::vector<std::uint64_t> first(o.pcs(), ~std::uint64_t{0}), count(o.pcs());
    for (std::uint64_t a = begin; a < end; a += o.burst()) {
      const std::uint32_t pc = o.pc(a);
      if (count[pc]++ == 0) first[pc] = map.local(a);
      ASSERT_EQ(map.local(a), first[pc] + count[pc] - 1);
    }
    for (std::uint32_t pc = 0; pc < o.pcs(); ++pc) {
      ASSERT_EQ(map.first_local(pc, end) - map.first_local(pc, begin), count[pc]);
    }
  }
}

const FieldBits kBits = {5, 2, 1, 1, 2, 2, 4, 3};  // 20 bits
const char* const kMap =
    "row[19:16] stack_id[15] bank[14:13] column[12:10] channel[9:8] pseudo_channel[7] bank_group[6:5] "
    "offset[4:0]";

void expect_refused(const std::string& map, const std::vector<std::string>& hashes, const std::string& part) {
  try {
    AddressMap(map, hashes, kBits, "p.toml:7:3");
    ADD_FAILURE() << "accepted: " << map << (hashes.empty() ? "" : "; " + hashes.back());
  } catch (const ConfigError& error) {
    const std::string what = error.what();
    EXPECT_EQ(what.rfind("p.toml:7:3: ", 0), 0u) << what;
    EXPECT_NE(what.find(part), std::string::npos) << part << " not in: " << what;
  }
}

std::string replaced(const std::string& from, const std::string& to) {
  std::string text = kMap;
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

TEST(HbmAddressMap, RefusesMapsThatDoNotCoverEveryBitOnce) {
  EXPECT_NO_THROW(AddressMap(kMap, {}, kBits, "p"));
  expect_refused("", {}, "offset has 0 of the 5 bits");
  expect_refused(replaced("row[19:16]", "row[19:17]"), {}, "row has 3 of the 4 bits");
  expect_refused(replaced("stack_id[15]", "stack_id[16]"), {}, "bit 16 is used twice, again by stack_id[16]");
  expect_refused(replaced("row[19:16]", "row[20:16]"), {},
                 "row[20:16] uses bit 20, but the capacity has bits 0 to 19");
  expect_refused(replaced("stack_id[15] bank[14:13]", "stack_id[15:14] bank[13]"), {},
                 "stack_id has more than the 1 bits");
  expect_refused(replaced("pseudo_channel[7] ", ""), {}, "pseudo_channel has 0 of the 1 bits");
  expect_refused(replaced("bank_group[6:5] offset[4:0]", "offset[6:2] bank_group[1:0]"), {}, "offset[4:0]");
}

TEST(HbmAddressMap, RefusesMalformedRanges) {
  for (const char* word : {"bank[13:14]", "bank[", "bank", "[14:13]", "bank[14:]", "bank[:13]", "bank[14;13]",
                           "bank[-1]", "bank[64]", "bank[100]", "bank[14:13]x", "bank[]"}) {
    expect_refused(replaced("bank[14:13]", word), {}, "is not field[msb:lsb]");
  }
  expect_refused(replaced("bank[14:13]", "bonk[14:13]"), {},
                 "unknown field 'bonk'; accepted: offset, channel");
  expect_refused(replaced("bank[14:13]", "Bank[14:13]"), {}, "unknown field 'Bank'");
}

TEST(HbmAddressMap, RefusesHashesThatAreMalformedOrNameWhatIsNotThere) {
  EXPECT_NO_THROW(AddressMap(kMap, {"bank[0] ^ row[0] ^ column[2]", "channel[1] ^ row[3]"}, kBits, "p"));
  expect_refused(kMap, {""}, "is not field[bit] ^ row[bit]");
  expect_refused(kMap, {"bank[0]"}, "is not field[bit] ^ row[bit]");
  expect_refused(kMap, {"bank[0] ^"}, "is not field[bit] ^ row[bit]");
  expect_refused(kMap, {"bank[0] + row[0]"}, "'+' where ^ is expected");
  expect_refused(kMap, {"bank[1:0] ^ row[0]"}, "'bank[1:0]' in");
  expect_refused(kMap, {"bank[0] ^ raw[0]"}, "unknown field 'raw'");
  expect_refused(kMap, {"bank[2] ^ row[0]"}, "bank has 2 bits");
  expect_refused(kMap, {"bank[0] ^ row[4]"}, "row has 4 bits");
  expect_refused(kMap, {"row[0] ^ row[1]"}, "row cannot be hashed; accepted: bank, bank_group");
  expect_refused(kMap, {"column[0] ^ row[1]"}, "column cannot be hashed");
  expect_refused(kMap, {"bank[0] ^ bank_group[1]"}, "a source must be a bit of row or column");
  expect_refused(kMap, {"bank[0] ^ row[1] ^ row[1]"}, "row[1] is named twice");
  expect_refused(kMap, {"bank[0] ^ row[1]", "bank[0] ^ row[2]"}, "bank[0] is hashed twice");
}

TEST(HbmAddressMap, RefusesHashesThatWouldBreakRangesInAPseudoChannel) {
  // column[0] at bit 7 lies below channel at bits 9 and 8: fine for a bank, not for a channel.
  const std::string map =
      "row[19:16] stack_id[15] bank[14:13] column[12:11] pseudo_channel[10] channel[9:8] column[7] "
      "bank_group[6:5] "
      "offset[4:0]";
  EXPECT_NO_THROW(AddressMap(map, {"bank[0] ^ column[0]"}, kBits, "p"));
  EXPECT_NO_THROW(AddressMap(map, {"channel[0] ^ column[1]"}, kBits, "p"));
  expect_refused(map, {"channel[0] ^ column[0]"}, "below a bit of channel or pseudo_channel");
  expect_refused(map, {"pseudo_channel[0] ^ row[0] ^ column[0]"}, "below a bit of channel or pseudo_channel");
}

TEST(HbmAddressMap, RefusesFieldsInTooManyPieces) {
  std::string map;
  FieldBits bits;
  bits.row = 15;
  bits.column = 15;
  for (unsigned i = 15; i-- > 0;) {
    map += "row[" + std::to_string(2 * i + 1) + "] column[" + std::to_string(2 * i) + "] ";
  }
  try {
    AddressMap(map, {}, bits, "p:1:1");
    ADD_FAILURE() << "accepted";
  } catch (const ConfigError& error) {
    EXPECT_NE(std::string(error.what()).find("pieces"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace memwall::hbm
