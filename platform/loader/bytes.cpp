// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "loader/bytes.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace memwall::loader {

std::shared_ptr<const Bytes> Bytes::map_file(const std::string& path) {
  // O_NONBLOCK: opening a FIFO must not wait for a writer.
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) throw ConfigError(path, std::string("cannot open: ") + std::strerror(errno));
  struct stat status {};
  const bool known = ::fstat(file, &status) == 0;
  if (!known || !S_ISREG(status.st_mode) || status.st_size <= 0) {
    ::close(file);
    throw ConfigError(path, known && S_ISREG(status.st_mode) ? "is empty" : "is not a regular file");
  }
  const auto size = static_cast<std::size_t>(status.st_size);
  void* address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file, 0);
  const int error = errno;
  ::close(file);
  if (address == MAP_FAILED) throw ConfigError(path, std::string("cannot map: ") + std::strerror(error));
  std::shared_ptr<Bytes> bytes(new Bytes);
  bytes->data_ = static_cast<const std::uint8_t*>(address);
  bytes->size_ = size;
  bytes->mapped_ = true;
  return bytes;
}

std::shared_ptr<const Bytes> Bytes::from_memory(std::vector<std::uint8_t> buffer) {
  std::shared_ptr<Bytes> bytes(new Bytes);
  bytes->buffer_ = std::move(buffer);
  bytes->data_ = bytes->buffer_.data();
  bytes->size_ = bytes->buffer_.size();
  return bytes;
}

Bytes::~Bytes() {
  if (mapped_) ::munmap(const_cast<std::uint8_t*>(data_), static_cast<std::size_t>(size_));
}

}  // namespace memwall::loader
