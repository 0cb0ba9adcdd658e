package once

import "github.com/s3access/s3_access_exporter/scanner/logkey"

// FarApart are two places of which events of CloudTrail may count twice: IDs of the one's
// events were forgotten before events of the other were read, which may be the same ones.
type FarApart struct {
	Places [2]EventPlace
}

// EventPlace is a stream of log objects with events of CloudTrail.
type EventPlace struct {
	Location string // its name
	Stream   string // the prefix of its keys
}

// nearness finds places whose events are read far apart: those that are not read side by
// side. Copies of an event have one Region, so it compares the places of each, and with all
// others those whose Region the keys do not show.
type nearness struct {
	taken   int64 // IDs of events so far
	regions map[string][]eventPlace
	found   *FarApart
}

// eventPlace is a place from which objects were taken.
type eventPlace struct {
	EventPlace
	merged bool  // it is read side by side with others
	before int64 // IDs that were taken before its first ones
}

// near reports whether copies in two places are read near each other.
func (p eventPlace) near(other eventPlace) bool {
	return p.merged && other.merged || p.EventPlace == other.EventPlace
}

// take takes note of an object with so many IDs of events, when so many of all were
// forgotten.
func (n *nearness) take(location string, key logkey.Key, ids int, forgotten int64) {
	if ids == 0 || n.found != nil {
		return
	}
	place := eventPlace{EventPlace{Location: location, Stream: key.Stream.Prefix}, key.Stream.Region() != "", n.taken}
	if forgotten > 0 {
		for region, places := range n.regions {
			if region == key.Region || region == "" || key.Region == "" {
				n.compare(place, places, forgotten)
			}
		}
	}
	n.note(place, key.Region)
	n.taken += int64(ids)
}

// compare compares a place with others of which IDs were forgotten.
func (n *nearness) compare(place eventPlace, others []eventPlace, forgotten int64) {
	for _, other := range others {
		if !other.near(place) && other.before < forgotten {
			n.found = &FarApart{Places: [2]EventPlace{other.EventPlace, place.EventPlace}}
		}
	}
}

// note remembers the first two places of each Region: of all that differ from a given one,
// the earliest is among them.
func (n *nearness) note(place eventPlace, region string) {
	places := n.regions[region]
	if len(places) == 2 || len(places) == 1 && places[0].near(place) {
		return
	}
	if n.regions == nil {
		n.regions = make(map[string][]eventPlace)
	}
	n.regions[region] = append(places, place)
}
