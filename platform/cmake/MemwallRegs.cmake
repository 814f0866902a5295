# SPDX-FileCopyrightText: The Memwall authors
# SPDX-License-Identifier: Apache-2.0
