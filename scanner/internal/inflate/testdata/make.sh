#!/usr/bin/env bash
# Compresses text.json with all that Debian has for it, at all levels. It needs the packages
# gzip, libdeflate-tools, pigz, python3 and zopfli. Run it in this folder.
set -euo pipefail

zlib() { # zlib LEVEL STRATEGY
	python3 -c '
import sys, zlib
level, strategy = sys.argv[1:]
z = zlib.compressobj(int(level), wbits=31, strategy=getattr(zlib, strategy))
sys.stdout.buffer.write(z.compress(sys.stdin.buffer.read()) + z.flush())' "$@" <text.json
}

for level in {0..9}; do zlib "$level" Z_DEFAULT_STRATEGY >"zlib-$level.gz"; done
for strategy in HUFFMAN_ONLY RLE FIXED; do zlib 6 "Z_$strategy" >"zlib-${strategy,,}.gz"; done
for level in {1..12}; do libdeflate-gzip -c "-$level" text.json >"libdeflate-$level.gz"; done
for level in 6 11; do pigz -c "-$level" text.json >"pigz-$level.gz"; done
zopfli -c text.json >zopfli.gz
gzip -c text.json >gzip.gz
gzip -c --rsyncable text.json >gzip-rsyncable.gz
{
	head -c 5000 text.json | gzip -1
	: | gzip # a member of nothing
	tail -c +5001 text.json | pigz -11
} >members.gz
