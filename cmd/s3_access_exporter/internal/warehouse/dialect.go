package warehouse

import "strings"

// Dialect is what differs between the engines: how tables hold CloudTrail's events.
type Dialect struct {
	Name string
	// event stands in front of an event's columns; empty: they are the table's.
	event string
	// events returns the SQL of events in the rows of tables.
	events func(files string) string
	// fileColumns are the columns of CloudTrail's table that a query reads.
	fileColumns string
}

// Trino reads tables of lines: a log file is one.
func Trino() Dialect {
	return Dialect{Name: "trino", event: "e.", events: filesAsEvents, fileColumns: "line"}
}

// Athena reads tables of events, which its CloudTrail input format makes of log files.
func Athena() Dialect {
	var columns []string
	for _, c := range append(eventTree(), resourceFields()) {
		columns = append(columns, c.name)
	}
	return Dialect{Name: "athena", events: columnsAsEvents, fileColumns: strings.Join(columns, ", ")}
}
