#!/usr/bin/python3
# SPDX-FileCopyrightText: The Memwall authors
# SPDX-License-Identifier: Apache-2.0
"""Trains the bundled checkpoint and writes it as GGUF: tokenizer, model and export in one file.

The text comes from story_grammar.py, never from elsewhere. Needs Debian's python3-torch and python3-numpy:

    /usr/bin/python3 train_tiny_stories.py --minutes 45 --out memwall-stories-1m.gguf

README.md has the two runs that made the bundled file.

The learning-rate schedule follows elapsed time or --max-steps, whichever is further, so that a run ends when it is
told to on any machine. A checkpoint is exported at every --export-minutes; the last one ends the schedule.
"""
import argparse
import math
import os
import random
import re
import struct
import time
from collections import Counter

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from story_grammar import BOYS, GIRLS, PETS, story

SPACE = "\u2581"
UNK, BOS, EOS, FIRST_BYTE, FIRST_PIECE = 0, 1, 2, 3, 259
UNIT = re.compile(f"{SPACE}?[A-Za-z']+|{SPACE}?[^A-Za-z'{SPACE}]+|{SPACE}")


class Tokenizer:
    """Byte-pair encoding in SentencePiece's manner: a piece's score is minus its merge rank, unknown characters
    become bytes. `vocab_size` counts <unk>, <s>, </s> and the 256 bytes."""

    def __init__(self, texts, vocab_size):
        units = Counter(u for text in texts for u in UNIT.findall(self.normalise(text)))
        alphabet = sorted({c for u in units for c in u} | set("abcdefghijklmnopqrstuvwxyz"))
        words = [(list(u), n) for u, n in units.items()]
        merged = []
        while len(merged) < vocab_size - FIRST_PIECE - len(alphabet):
            pairs = Counter()
            for symbols, n in words:
                for pair in zip(symbols, symbols[1:]):
                    pairs[pair] += n
            if not pairs:
                raise SystemExit("the text is too small for this vocabulary")
            (left, right), _ = min(pairs.items(), key=lambda kv: (-kv[1], kv[0]))
            if left + right not in merged:
                merged.append(left + right)
            for symbols, _ in words:
                i = 0
                while i + 1 < len(symbols):
                    if symbols[i] == left and symbols[i + 1] == right:
                        symbols[i:i + 2] = [left + right]
                    i += 1
        pieces = merged + alphabet
        self.tokens = ["<unk>", "<s>", "</s>"] + [f"<0x{b:02X}>" for b in range(256)] + pieces
        self.scores = [0.0] * FIRST_PIECE + [-float(rank) for rank in range(len(pieces))]
        self.types = [2, 3, 3] + [6] * 256 + [1] * len(pieces)
        self.ids = {p: FIRST_PIECE + i for i, p in enumerate(pieces)}
        self.cache = {}

    @staticmethod
    def normalise(text):
        return SPACE + text.replace(" ", SPACE)

    def _encode_unit(self, unit):
        symbols = list(unit)
        while True:
            best = max(((self.scores[self.ids[a + b]], -i) for i, (a, b) in enumerate(zip(symbols, symbols[1:]))
                        if a + b in self.ids), default=None)
            if best is None:
                break
            i = -best[1]
            symbols[i:i + 2] = [symbols[i] + symbols[i + 1]]
        out = []
        for s in symbols:
            out += [self.ids[s]] if s in self.ids else [FIRST_BYTE + b for b in s.encode()]
        return out

    def encode(self, text):
        out = []
        for unit in UNIT.findall(self.normalise(text)):
            if unit not in self.cache:
                self.cache[unit] = self._encode_unit(unit)
            out += self.cache[unit]
        return out

    def decode(self, ids):
        data = b""
        for i in ids:
            if i >= FIRST_PIECE:
                data += self.tokens[i].replace(SPACE, " ").encode()
            elif i >= FIRST_BYTE:
                data += bytes([i - FIRST_BYTE])
        return data.decode(errors="replace").removeprefix(" ")


class RMSNorm(nn.Module):
    def __init__(self, dim, eps):
        super().__init__()
        self.weight, self.eps = nn.Parameter(torch.ones(dim)), eps

    def forward(self, x):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps) * self.weight


class Layer(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.c, kv = c, c.n_kv_heads * c.head_dim
        self.attn_norm, self.ffn_norm = RMSNorm(c.dim, c.rms_eps), RMSNorm(c.dim, c.rms_eps)
        self.attn_q = nn.Linear(c.dim, c.n_heads * c.head_dim, bias=False)
        self.attn_k = nn.Linear(c.dim, kv, bias=False)
        self.attn_v = nn.Linear(c.dim, kv, bias=False)
        self.attn_output = nn.Linear(c.n_heads * c.head_dim, c.dim, bias=False)
        self.ffn_gate = nn.Linear(c.dim, c.hidden, bias=False)
        self.ffn_up = nn.Linear(c.dim, c.hidden, bias=False)
        self.ffn_down = nn.Linear(c.hidden, c.dim, bias=False)

    def rope(self, x, cos, sin):  # x: (batch, time, heads, head_dim), pairs (2i, 2i+1)
        even, odd = x[..., 0::2], x[..., 1::2]
        return torch.stack((even * cos - odd * sin, even * sin + odd * cos), -1).flatten(-2)

    def forward(self, x, cos, sin, mask):
        c, (b, t, _) = self.c, x.shape
        h = self.attn_norm(x)
        q = self.rope(self.attn_q(h).view(b, t, c.n_heads, c.head_dim), cos, sin)
        k = self.rope(self.attn_k(h).view(b, t, c.n_kv_heads, c.head_dim), cos, sin)
        v = self.attn_v(h).view(b, t, c.n_kv_heads, c.head_dim)
        group = c.n_heads // c.n_kv_heads
        # (batch * kv_heads, group * time, head_dim): the queries of one group share their keys and values.
        q = q.view(b, t, c.n_kv_heads, group, c.head_dim).permute(0, 2, 3, 1, 4)
        q = q.reshape(b * c.n_kv_heads, group * t, c.head_dim) * (c.head_dim ** -0.5)
        k = k.permute(0, 2, 3, 1).reshape(b * c.n_kv_heads, c.head_dim, t)
        v = v.permute(0, 2, 1, 3).reshape(b * c.n_kv_heads, t, c.head_dim)
        p = torch.softmax(torch.baddbmm(mask, q, k), -1)
        o = torch.bmm(p, v).view(b, c.n_kv_heads, group, t, c.head_dim).permute(0, 3, 1, 2, 4)
        x = x + self.attn_output(o.reshape(b, t, c.n_heads * c.head_dim))
        h = self.ffn_norm(x)
        return x + self.ffn_down(F.silu(self.ffn_gate(h)) * self.ffn_up(h))


class Llama(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.c = c
        self.token_embd = nn.Embedding(c.vocab, c.dim)
        self.blk = nn.ModuleList(Layer(c) for _ in range(c.n_layers))
        self.output_norm = RMSNorm(c.dim, c.rms_eps)
        # Not much smaller: names are used alike, so their embeddings grow alike, and only what they start with
        # lets attention tell which of them to repeat.
        nn.init.normal_(self.token_embd.weight, std=c.embedding_std)
        for name, p in self.named_parameters():
            if p.dim() == 2 and "blk" in name:
                small = "output" in name or "down" in name
                nn.init.normal_(p, std=p.shape[1] ** -0.5 * (0.5 / math.sqrt(c.n_layers) if small else 0.7))
        angle = torch.outer(torch.arange(c.context).float(),
                            c.rope_theta ** (-torch.arange(0, c.head_dim, 2).float() / c.head_dim))
        self.cos, self.sin = angle.cos()[:, None, :], angle.sin()[:, None, :]
        self.masks = {}

    def forward(self, ids):
        t = ids.shape[1]
        if t not in self.masks:
            causal = torch.full((t, t), -1e9).triu(1)
            self.masks[t] = causal.repeat(self.c.n_heads // self.c.n_kv_heads, 1)[None]
        x = self.token_embd(ids)
        for layer in self.blk:
            x = layer(x, self.cos[:t], self.sin[:t], self.masks[t])
        return F.linear(self.output_norm(x), self.token_embd.weight)


class Muon(torch.optim.Optimizer):
    """Momentum, then an update made orthogonal by five Newton-Schulz steps (K. Jordan et al., 2024); for the
    layers' matrices. It needs about half the tokens that AdamW needs here."""

    def __init__(self, params, lr, momentum=0.95, weight_decay=0.01):
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                m = self.state[p].setdefault("m", torch.zeros_like(p))
                m.lerp_(p.grad, 1 - group["momentum"])
                g = p.grad.lerp(m, group["momentum"])
                tall = g.shape[0] > g.shape[1]
                x = (g.T if tall else g) / (g.norm() + 1e-7)
                for _ in range(5):
                    s = x @ x.T
                    x = 3.4445 * x + (-4.7750 * s + 2.0315 * (s @ s)) @ x
                p.mul_(1 - group["lr"] * group["weight_decay"])
                p.add_(x.T if tall else x, alpha=-group["lr"] * max(1.0, p.shape[0] / p.shape[1]) ** 0.5)


class Batches:
    """Rows that begin at a story and go on with more stories: <s> story </s> <s> story ..."""

    def __init__(self, tokenizer, seed, small_cast):
        self.tokenizer, self.rng, self.small_cast = tokenizer, random.Random(seed), small_cast

    def next(self, rows, length):
        out = np.empty((rows, length + 1), np.int64)
        for r in range(rows):
            ids = []
            while len(ids) <= length:
                ids += [BOS] + self.tokenizer.encode(story(self.rng, self.small_cast)) + [EOS]
            out[r] = ids[:length + 1]
        data = torch.from_numpy(out)
        return data[:, :-1], data[:, 1:]


def losses(model, x, y):
    """Per token, in nats."""
    return F.cross_entropy(model(x).flatten(0, 1), y.flatten(), reduction="none").view(y.shape)


@torch.no_grad()
def sample(model, tokenizer, prompt, temperature, seed=1):
    generator = torch.Generator().manual_seed(seed)
    ids = [BOS] + tokenizer.encode(prompt)
    while len(ids) < model.c.context:
        logits = model(torch.tensor([ids]))[0, -1]
        if temperature == 0:
            token = int(logits.argmax())
        else:
            token = int(torch.multinomial(torch.softmax(logits / temperature, -1), 1, generator=generator))
        if token in (EOS, BOS):
            break
        ids.append(token)
    return tokenizer.decode(ids)


# GGUF value types (GGUF specification, https://github.com/ggml-org/ggml/blob/master/docs/gguf.md).
U32, I32, F32_VALUE, BOOL, STRING, ARRAY = 4, 5, 6, 7, 8, 9
TENSOR_F32, TENSOR_F16 = 0, 1


def gguf_string(text):
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def gguf_value(kind, value):
    if kind == STRING:
        return gguf_string(value)
    return struct.pack({U32: "<I", I32: "<i", F32_VALUE: "<f", BOOL: "<?"}[kind], value)


def export_gguf(model, tokenizer, path):
    """GGUF version 3: matrices as F16, norms as F32."""
    c = model.c
    keys = [
        ("general.architecture", STRING, "llama"),
        ("general.name", STRING, "memwall-stories-1m"),
        ("general.license", STRING, "apache-2.0"),
        ("general.description", STRING, "Short children's stories, trained on text from story_grammar.py"),
        ("general.file_type", U32, 1),
        ("general.alignment", U32, 32),
        ("llama.context_length", U32, c.context),
        ("llama.embedding_length", U32, c.dim),
        ("llama.block_count", U32, c.n_layers),
        ("llama.feed_forward_length", U32, c.hidden),
        ("llama.vocab_size", U32, c.vocab),
        ("llama.attention.head_count", U32, c.n_heads),
        ("llama.attention.head_count_kv", U32, c.n_kv_heads),
        ("llama.rope.dimension_count", U32, c.head_dim),
        ("llama.rope.freq_base", F32_VALUE, c.rope_theta),
        ("llama.attention.layer_norm_rms_epsilon", F32_VALUE, c.rms_eps),
        ("tokenizer.ggml.model", STRING, "llama"),
        ("tokenizer.ggml.tokens", (ARRAY, STRING), tokenizer.tokens),
        ("tokenizer.ggml.scores", (ARRAY, F32_VALUE), tokenizer.scores),
        ("tokenizer.ggml.token_type", (ARRAY, I32), tokenizer.types),
        ("tokenizer.ggml.bos_token_id", U32, BOS),
        ("tokenizer.ggml.eos_token_id", U32, EOS),
        ("tokenizer.ggml.unknown_token_id", U32, UNK),
        ("tokenizer.ggml.add_bos_token", BOOL, True),
        ("tokenizer.ggml.add_eos_token", BOOL, False),
        ("tokenizer.ggml.add_space_prefix", BOOL, True),
    ]
    tensors = [(name, p.detach().numpy()) for name, p in model.named_parameters()]
    tensors = [(n, t.astype("<f4" if t.ndim == 1 else "<f2")) for n, t in tensors]
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(keys))
    for key, kind, value in keys:
        head += gguf_string(key)
        if isinstance(kind, tuple):
            head += struct.pack("<IIQ", ARRAY, kind[1], len(value)) + b"".join(gguf_value(kind[1], v) for v in value)
        else:
            head += struct.pack("<I", kind) + gguf_value(kind, value)
    offset, body = 0, b""
    for name, t in tensors:
        head += gguf_string(name) + struct.pack("<I", t.ndim) + struct.pack(f"<{t.ndim}Q", *reversed(t.shape))
        head += struct.pack("<IQ", TENSOR_F32 if t.ndim == 1 else TENSOR_F16, offset)
        data = t.tobytes()
        data += bytes(-len(data) % 32)
        offset, body = offset + len(data), body + data
    with open(path + ".tmp", "wb") as file:
        file.write(head + bytes(-len(head) % 32) + body)
    os.replace(path + ".tmp", path)


def import_gguf(model, path):
    """Weights from an export of this script with the same shape: they end the file, in the order of export."""
    with open(path, "rb") as file:
        data = file.read()
    sizes = [p.numel() * (4 if p.dim() == 1 else 2) for p in model.parameters()]
    at = len(data) - sum(size + -size % 32 for size in sizes)
    with torch.no_grad():
        for p, size in zip(model.parameters(), sizes):
            values = np.frombuffer(data[at:at + size], "<f4" if p.dim() == 1 else "<f2").astype(np.float32)
            p.copy_(torch.from_numpy(values).view_as(p))
            at += size + -size % 32


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--minutes", type=float, default=45)
    parser.add_argument("--max-steps", type=int, default=5000)
    parser.add_argument("--export-minutes", type=float, default=7)
    parser.add_argument("--out", default="memwall-stories-1m.gguf")
    parser.add_argument("--rows", type=int, default=8)
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--data-seed", type=int, help="by default seed + 1; the tokenizer depends on --seed alone")
    parser.add_argument("--start-from", help="continue from a checkpoint of this script")
    parser.add_argument("--small-cast", action="store_true", help="stories with fewer names (see story_grammar.py)")
    parser.add_argument("--long-every", type=int, default=3, help="every n-th step has rows of the whole context")
    parser.add_argument("--cool-attention", type=float, default=1.0,
                        help="with --start-from: factor on the weights of queries and keys")
    parser.add_argument("--spread-names", type=float, default=0.0,
                        help="with --start-from: deviation of noise on the names' embeddings, to tell them apart")
    parser.add_argument("--name-weight", type=float, default=3.0, help="weight of names in the loss")
    parser.add_argument("--embedding-std", type=float, default=0.1, help="deviation of the initial embeddings")
    parser.add_argument("--muon-lr", type=float, default=0.02)
    parser.add_argument("--adam-lr", type=float, default=0.004)
    parser.add_argument("--qk-lr", type=float, default=0.0015)
    for name, value in [("dim", 128), ("hidden", 384), ("n-layers", 5), ("n-heads", 8), ("n-kv-heads", 4),
                        ("head-dim", 16), ("context", 256), ("vocab", 1024)]:
        parser.add_argument("--" + name, type=int, default=value)
    c = parser.parse_args()
    c.rms_eps, c.rope_theta = 1e-5, 10000.0
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    torch.manual_seed(c.seed)

    rng = random.Random(c.seed)
    tokenizer = Tokenizer([story(rng) for _ in range(20000)], c.vocab)
    lengths = [len(tokenizer.encode(story(rng))) for _ in range(2000)]
    print(f"tokenizer: {c.vocab} tokens; a story has {min(lengths)} to {max(lengths)} tokens, "
          f"mean {sum(lengths) / len(lengths):.0f}", flush=True)

    is_name = torch.zeros(c.vocab, dtype=torch.bool)
    is_name[[tokenizer.encode(name)[-1] for name in GIRLS + BOYS + PETS]] = True
    model = Llama(c)
    if c.start_from:
        import_gguf(model, c.start_from)
        with torch.no_grad():
            for layer in model.blk:
                layer.attn_q.weight *= c.cool_attention
                layer.attn_k.weight *= c.cool_attention
            model.token_embd.weight[is_name] += c.spread_names * torch.randn(int(is_name.sum()), c.dim)
    # Muon's steps do not shrink with the gradient: queries and keys would grow until attention sees one token.
    muon_names = ("attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down")
    matrices = [p for n, p in model.named_parameters() if any(part in n for part in muon_names)]
    queries_keys = [p for n, p in model.named_parameters() if "attn_q" in n or "attn_k" in n]
    others = [p for n, p in model.named_parameters() if p.dim() == 1 or "blk" not in n]
    print(f"model: {sum(p.numel() for p in model.parameters())} parameters, {vars(c)}", flush=True)
    optimizers = [Muon(matrices, c.muon_lr), torch.optim.AdamW(others, c.adam_lr, (0.9, 0.95), weight_decay=0.0),
                  torch.optim.AdamW(queries_keys, c.qk_lr, (0.9, 0.95), weight_decay=0.01)]
    train = Batches(tokenizer, c.data_seed or c.seed + 1, c.small_cast)
    held_out = Batches(tokenizer, c.seed + 2, c.small_cast).next(32, c.context)

    start = time.time()
    step, tokens, mean, exported, progress = 0, 0, None, 0.0, 0.0
    while progress < 1:
        minutes = (time.time() - start) / 60
        progress = min(1.0, max(minutes / c.minutes, step / c.max_steps))
        scale = min(1.0, (step + 1) / 20) * (0.5 + 0.5 * math.cos(math.pi * progress))
        for optimizer, lr in zip(optimizers, (c.muon_lr, c.adam_lr, c.qk_lr)):
            for group in optimizer.param_groups:
                group["lr"] = lr * scale
        # Most steps have rows half as long: attention costs less, and most of a story still fits.
        short = (step + 1) % c.long_every != 0
        x, y = train.next(c.rows * 2 if short else c.rows, c.context // 2 if short else c.context)
        each = losses(model, x, y)
        # A wrong name spoils a story more than a wrong word: names count more.
        named = is_name[y]
        loss = (each * (1 + (c.name_weight - 1) * named)).mean()
        model.zero_grad(set_to_none=True)
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()
        step, tokens = step + 1, tokens + x.numel()
        now = torch.stack((each.mean(), each[named].mean())).detach()
        mean = now if step == 1 else 0.95 * mean + 0.05 * now
        if step % 20 == 0 or step == 1:
            print(f"step {step:5d}  {minutes:6.2f} min  {tokens:9d} tokens  loss {mean[0]:.4f}  "
                  f"names {mean[1]:.4f}  lr x{scale:.3f}", flush=True)
        if minutes - exported > c.export_minutes:
            exported = minutes
            report(model, tokenizer, held_out, c.out, step)
    report(model, tokenizer, held_out, c.out, step)


def report(model, tokenizer, held_out, path, step):
    export_gguf(model, tokenizer, path)
    # Measure and sample what the file holds: matrices rounded to f16.
    exact = [p.detach().clone() for p in model.parameters()]
    with torch.no_grad():
        for p in model.parameters():
            if p.dim() == 2:
                p.copy_(p.half().float())
        print(f"checkpoint at step {step}: held-out loss {float(losses(model, *held_out).mean()):.4f}")
        print("  greedy:  " + sample(model, tokenizer, "Once upon a time", 0))
        for seed in (1, 2):
            print("  sampled: " + sample(model, tokenizer, "Once upon a time", 0.8, seed), flush=True)
        for p, e in zip(model.parameters(), exact):
            p.copy_(e)


if __name__ == "__main__":
    main()
