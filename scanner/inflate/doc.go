// Package inflate decompresses gzip members faster than the libraries at hand.
//
// Half of the work of reading CloudTrail's objects is to decompress them, so that is worth a
// decompressor made for it. The input is a stream that is read to its end, the output is read in large
// pieces, and nobody asks for a member's name. What remains is DEFLATE, in these parts:
//
//   - The input (input.go) is a window of the source, from which bits go into a register of 64.
//   - The output (window.go) is another window: the last 32 KB, which matches may repeat, and what has
//     not been read yet. Its CRC-32 is computed while it is still in the processor's cache.
//   - The codes of a block become tables (table.go, codes.go). Where two literals in a row have short codes, one
//     look-up finds both.
//   - The fast loop (fast.go) decodes as long as both windows have room for a whole round, and so it need not
//     look where they end within one. The exact loop (exact.go) decodes the symbols at the windows' ends, one at a
//     time. It is the one that finds out that an input is cut short.
//   - The Reader (reader.go) puts members together, of blocks (block.go) between a header and a
//     trailer (member.go).
//
// # Bounds
//
// An input may be made to do harm. Wherever it decides on an index, Go's own checks hold, except for the fast loop's
// accesses to the two windows: those are in unsafe.go, without checks, on architectures where that is right and worth it. That
// they stay inside of the windows follows from four facts:
//
//  1. A window is an array of fixed size, and where it ends is not up to the input: inputSize and outputSize.
//  2. A round of the fast loop begins only if the input has inputSlack bytes left and the output
//     outputSlack. A round loads twice at most, and moves by 7 bytes at most in between. It writes
//     three pairs of literals and a match at most, of which the copy goes too far by fewer than maxExcess bytes. That
//     these fit into the slacks is held by the compiler (fast.go).
//  3. A match's length is 3 to 258, its distance 1 to 32768, as both come from tables that are made only of the
//     constants in codes.go, whatever the code lengths in the input are.
//  4. A match begins at or behind window.start, which is never negative.
//
// purego.go has the same functions with Go's checks, for other architectures and for the build tag purego. So what
// would leave a window in unsafe.go panics with that tag. All tests run, and the fuzzer runs, in both ways.
//
// # Origin
//
// The package was written after RFC 1951 (https://www.rfc-editor.org/rfc/rfc1951) and RFC 1952
// (https://www.rfc-editor.org/rfc/rfc1952), and contains no code of others. Ideas that
// are common knowledge among decompressors carry over: tables with second levels for long codes, a register that
// is refilled without a branch, copies that go too far, entries that hold two literals. Which inputs are
// errors, and which errors they are, agrees with Go's compress/gzip and with github.com/klauspost/compress/gzip, which the
// tests compare it with.
package inflate
