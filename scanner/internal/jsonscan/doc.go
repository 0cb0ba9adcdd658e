// Package jsonscan scans JSON for the decoders of logs, of whose records hardly anything
// matters, but much is read. It has three layers:
//
//   - The window is the part of the input that is in memory. It moves along, and
//     grows only if one record does not fit. Behind it are zeros, at which every loop
//     stops by itself.
//   - The Scanner knows JSON. It passes over values, and shows where a string or
//     number stands.
//   - Names find members, in any order, but a member is first taken for the one that AWS
//     writes after the one before, and a guess that holds costs no reading of names.
//
// The Scanner is strict, in what it skips too: what encoding/json refuses is a
// SyntaxError. Its memory is bounded: it holds up to MaxHeld bytes of the input, and as
// much again at most for strings that have escapes.
package jsonscan
