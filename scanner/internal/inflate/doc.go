// Package inflate decompresses gzip members, in half of the time that the libraries at hand take.
//
// Decompression is half of the work of reading CloudTrail's objects, so a decompressor for these
// pays. They are read to their end, in large pieces, and nobody asks for a member's name. What
// remains is DEFLATE, in these parts:
//
//   - The input (input.go) passes bits from a window of the source through a register of 64 bits.
//   - The window (window.go) is the part of the output that is in memory: what has not been read yet,
//     and the 32 KB before it that matches may repeat. It keeps the CRC-32.
//   - The codes of a block (codes.go) become tables (table.go). One look-up finds two literals if
//     their codes are short.
//   - The fast loop (fast.go) decodes in rounds. A round begins only if both windows have room for the
//     largest one, so within a round nothing asks where they end.
//   - The exact decoder (exact.go) decodes one symbol where the input's window ends. It alone
//     finds out that an input is cut short.
//   - The Reader (reader.go) reads members (member.go), which are blocks (block.go) between a header
//     and a trailer.
//
// # Bounds
//
// Whoever writes an input may want to do harm. Go checks every index except those of the fast loop into
// the two windows: they go through the functions in unsafe.go, which check nothing. They stay within
// the windows for four reasons:
//
//  1. The windows are arrays. Their sizes are constants: inputSize and outputSize.
//  2. A round begins only if inputSlack bytes of the input are left, and outputSlack bytes of the output.
//     No round can load or write more. The constants are the sums of what a round may do (fast.go).
//  3. A length is 3 to 258, and a distance is 1 to 32768. Both come from the entries in codes.go; an input
//     decides only on which entries its codes stand for, and on the extra bits.
//  4. A match begins at window.start or behind it, which the fast loop checks; window.start is never negative.
//
// The functions in purego.go are the same with Go's checks, for other architectures and for the build
// tag purego. A load or a store that leaves a window panics there. So the tests and the fuzzer also
// test the bounds when they run with this tag. TestReader_StaysWithinItsWindows fails with it if
// outputSlack is smaller than a round needs, TestReader_ReadsObjectsOfManyWindows if inputSlack is.
//
// # Origin
//
// The package was written after RFC 1951 (https://www.rfc-editor.org/rfc/rfc1951) and RFC 1952
// (https://www.rfc-editor.org/rfc/rfc1952). It contains no code of others. It uses what is common
// knowledge about decompressors: second tables for long codes, a register that is filled without a branch,
// copies that write too much, two literals in an entry. Which inputs are errors, and of what kind, agrees
// with compress/gzip and with github.com/klauspost/compress/gzip; the tests compare all three with a fourth that is
// slow and obvious. Where the two differ, the stricter one is right: reserved flags, a member that is cut in its name, and
// a symbol of a code that has none are errors.
package inflate
