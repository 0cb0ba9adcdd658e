package source

import "context"

// leftOut is the key of what WithLeftOut keeps in a context.
type leftOut struct{}

// WithLeftOut returns a context in which List calls fn with the key of each object that is
// there, and that it leaves out for now, as a directory does with a file that may still be
// written. It calls fn as it comes across them, in its own goroutine. Whoever takes
// what is not listed for what is not there has to know.
func WithLeftOut(ctx context.Context, fn func(key string)) context.Context {
	return context.WithValue(ctx, leftOut{}, fn)
}

// LeftOut is called by a List that leaves an object out for now. It calls what
// WithLeftOut was given, if it was called.
func LeftOut(ctx context.Context, key string) {
	if fn, ok := ctx.Value(leftOut{}).(func(key string)); ok {
		fn(key)
	}
}
