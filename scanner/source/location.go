package source

// Location is a place where logs are.
type Location struct {
	Name   string // as the user wrote it; the key of its state in the checkpoint
	Source Source
	Prefix string // of the keys that belong to the location
}
