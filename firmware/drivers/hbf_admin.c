/* SPDX-FileCopyrightText: The Memwall authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/hbf_admin.h"

#include "regs/hbf.h"

/* Looks at the status so often before sleeping: a register access is answered in tens of nanoseconds. */
#define QUICK_POLLS 16u

static void select_register(mmio_t hbf, uint32_t channel, hbf_space_t space, uint32_t offset) {
  mmio_write32(hbf, HBF_SB_ADDRESS_OFFSET,
               FIELD_OF(HBF_SB_ADDRESS_OFFSET, offset) |
                   FIELD_OF(HBF_SB_ADDRESS_MMIO, space == HBF_SPACE_MMIO) |
                   FIELD_OF(HBF_SB_ADDRESS_CHANNEL, channel));
}

static status_t sideband_status(mmio_t hbf) {
  return FIELD(HBF_SB_STATUS_ERROR, mmio_read32(hbf, HBF_SB_STATUS_OFFSET)) == 0 ? STATUS_OK
                                                                                 : STATUS_NOT_FOUND;
}

status_t hbf_sideband_read(mmio_t hbf, uint32_t channel, hbf_space_t space, uint32_t offset,
                           uint32_t* value) {
  select_register(hbf, channel, space, offset);
  *value = mmio_read32(hbf, HBF_SB_DATA_OFFSET);
  /* All ones is what a register that is not there reads as, and only rarely what one holds. */
  return *value != 0xffffffffu ? STATUS_OK : sideband_status(hbf);
}

status_t hbf_sideband_write(mmio_t hbf, uint32_t channel, hbf_space_t space, uint32_t offset,
                            uint32_t value) {
  select_register(hbf, channel, space, offset);
  mmio_write32(hbf, HBF_SB_DATA_OFFSET, value);
  return sideband_status(hbf);
}

status_t hbf_admin_run(mmio_t hbf, const hbf_os_t* os, const hbf_admin_t* command, uint32_t* data,
                       uint32_t words, hbf_answer_t* answer) {
  if (command->beats == 0 || command->beats > HBF_ADMIN_MAX_BEATS || words > command->beats * 16u ||
      command->opcode > 0xffu || command->argument >> 28 != 0)
    return STATUS_BAD_ARGUMENT;
  if (FIELD(HBF_ADMIN_STATUS_BUSY, mmio_read32(hbf, HBF_ADMIN_STATUS_OFFSET)) != 0) return STATUS_FULL;
  if (command->write) {
    mmio_write32(hbf, HBF_ADMIN_INDEX_OFFSET, 0);
    for (uint32_t i = 0; i < command->beats * 16u; ++i)
      mmio_write32(hbf, HBF_ADMIN_DATA_OFFSET, i < words ? data[i] : 0);
  }
  const uint64_t address = command->argument << 8 | command->opcode;
  mmio_write32(
      hbf, HBF_ADMIN_USER_OFFSET,
      FIELD_OF(HBF_ADMIN_USER_CHANNEL, command->channel) | FIELD_OF(HBF_ADMIN_USER_PORT, command->port) |
          FIELD_OF(HBF_ADMIN_USER_MMIO, command->mmio) | FIELD_OF(HBF_ADMIN_USER_LEN, command->beats - 1u));
  mmio_write32(hbf, HBF_ADMIN_ADDRESS_LO_OFFSET, (uint32_t)address);
  mmio_write32(hbf, HBF_ADMIN_ADDRESS_HI_OFFSET, (uint32_t)(address >> 32));
  mmio_write32(
      hbf, HBF_ADMIN_GO_OFFSET,
      FIELD_OF(HBF_ADMIN_GO_ACTION, command->write ? HBF_ADMIN_GO_ACTION_WRITE : HBF_ADMIN_GO_ACTION_READ));
  uint32_t status = 0;
  const uint64_t begin = os->now_us(os->context);
  for (uint32_t polls = 0;; ++polls) {
    status = mmio_read32(hbf, HBF_ADMIN_STATUS_OFFSET);
    if (FIELD(HBF_ADMIN_STATUS_DONE, status) != 0) break;
    if (polls < QUICK_POLLS) continue;
    if (os->now_us(os->context) - begin > HBF_ADMIN_TIMEOUT_US) return STATUS_TIMEOUT;
    os->wait_us(os->context, polls < 2u * QUICK_POLLS ? 1u : 20u);
  }
  *answer = (hbf_answer_t){FIELD(HBF_ADMIN_STATUS_CODE, status), FIELD(HBF_ADMIN_STATUS_INFO, status)};
  if (command->write || answer->code != 0 || words == 0) return STATUS_OK;
  mmio_write32(hbf, HBF_ADMIN_INDEX_OFFSET, 0);
  for (uint32_t i = 0; i < words; ++i) data[i] = mmio_read32(hbf, HBF_ADMIN_DATA_OFFSET);
  return STATUS_OK;
}

static status_t run_feature(mmio_t hbf, const hbf_os_t* os, uint32_t channel, uint32_t feature, bool write,
                            uint32_t* words) {
  const hbf_admin_t command = {.channel = channel,
                               .opcode = write ? HBF_OPCODE_SET_FEATURE : HBF_OPCODE_GET_FEATURE,
                               .argument = feature,
                               .write = write,
                               .beats = 1};
  hbf_answer_t answer;
  const status_t status = hbf_admin_run(hbf, os, &command, words, 2, &answer);
  if (status != STATUS_OK) return status;
  return answer.code == 0 ? STATUS_OK : STATUS_UNSUPPORTED;
}

status_t hbf_get_feature(mmio_t hbf, const hbf_os_t* os, uint32_t channel, uint32_t feature,
                         uint64_t* value) {
  uint32_t words[2];
  const status_t status = run_feature(hbf, os, channel, feature, false, words);
  if (status == STATUS_OK) *value = words[0] | (uint64_t)words[1] << 32;
  return status;
}

status_t hbf_set_feature(mmio_t hbf, const hbf_os_t* os, uint32_t channel, uint32_t feature, uint64_t value) {
  uint32_t words[2] = {(uint32_t)value, (uint32_t)(value >> 32)};
  return run_feature(hbf, os, channel, feature, true, words);
}

status_t hbf_mainband_read(mmio_t hbf, const hbf_os_t* os, uint32_t channel, hbf_space_t space,
                           uint32_t offset, uint32_t* value) {
  const hbf_admin_t command = {.channel = channel,
                               .opcode = HBF_OPCODE_REGISTER,
                               .argument = offset,
                               .mmio = space == HBF_SPACE_MMIO,
                               .beats = 1};
  hbf_answer_t answer;
  const status_t status = hbf_admin_run(hbf, os, &command, value, 1, &answer);
  if (status != STATUS_OK) return status;
  return answer.code == 0 ? STATUS_OK : STATUS_UNSUPPORTED;
}
