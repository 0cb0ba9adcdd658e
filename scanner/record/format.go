package record

// Format names the way in which a log is written. A Log may be written in several
// formats; whoever looks at the bytes of records must know which one it is. Each decoder
// has a constant Format of its own.
type Format string
