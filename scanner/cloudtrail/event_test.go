package cloudtrail

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"testing"

	"github.com/s3access/s3_access_exporter/scanner/internal/jsonscan"
)

var groups = []*group{&eventGroup, &identityGroup, &sessionGroup, &attributesGroup, &parameterGroup, &additionalGroup, &tlsGroup, &addendumGroup, &resourceGroup}

func TestGroups_HaveTheirNamesInTheirSlots(t *testing.T) {
	next := eventVersion
	for _, g := range groups {
		if g.first != next {
			t.Errorf("%q stands in slot %d, want %d", g.names[0].Text, g.first, next)
		}
		next = g.first + slot(len(g.names))
		for _, n := range g.names {
			if n.Size != len(n.Text)+len(`"":`) {
				t.Errorf("%q does not fit", n.Text)
			}
		}
	}
	if next != resourceEnd {
		t.Errorf("the groups end at slot %d, want %d", next, resourceEnd)
	}
	for at, want := range map[slot]string{
		eventIdentity: "userIdentity", eventSource: "eventSource", eventParameters: "requestParameters",
		eventAdditional: "additionalEventData", eventID: "eventID", eventResources: "resources", eventType: "eventType",
		eventRecipient: "recipientAccountId", eventCategory: "eventCategory", eventTLS: "tlsDetails",
		eventErrorCode: "errorCode", eventSharedID: "sharedEventID", eventAddendum: "addendum",
		identityARN: "arn", identityUser: "userName", identityInvokedBy: "invokedBy",
		parameterBucket: "bucketName", parameterKey: "key", parameterCapitalKey: "Key",
		additionalSignature: "SignatureVersion", additionalReceived: "bytesTransferredIn",
		additionalMethod: "AuthenticationMethod", additionalSent: "bytesTransferredOut",
		tlsHost: "clientProvidedHostHeader", addendumOriginalID: "originalEventID",
		resourceType: "type", resourceAccount: "accountId", resourceARN: "ARN",
	} {
		for _, g := range groups {
			if in := at - g.first; in >= 0 && int(in) < len(g.names) && g.names[in].Text != want {
				t.Errorf("slot %d is of %q, want %q", at, g.names[in].Text, want)
			}
		}
	}
}

func TestName_BeginsOnlyWithAllOfItsBytes(t *testing.T) {
	for _, g := range groups {
		for _, n := range g.names {
			there := (*[jsonscan.MaxName]byte)(append([]byte(`"`+n.Text+`":`), bytes.Repeat([]byte{0xff}, jsonscan.MaxName)...))
			if !n.Begins(there) {
				t.Errorf("%s is not known", there[:n.Size])
			}
			for i := range n.Size {
				there[i] ^= 1
				if n.Begins(there) {
					t.Errorf("%s is taken for %q", there[:n.Size], n.Text)
				}
				there[i] ^= 1
			}
		}
	}
}

// CloudTrail writes members in one order, which the decoder counts on for its speed
// alone.
func TestDecoder_ReadsMembersInAnyOrderAndTwice(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	events := allEvents(t)
	d := NewDecoder(nil)
	for range 20 {
		for i, event := range events {
			events[i] = disordered(t, random, event)
		}
		data := logOf(events...)
		compare(t, data, decode(d, bytes.NewReader(data)), reference(data))
		events = allEvents(t)
	}
}

// disordered returns a value whose objects have their members in another order, and
// now and then one of them twice, with the value of another one.
func disordered(t *testing.T, random *rand.Rand, value json.RawMessage) json.RawMessage {
	t.Helper()
	if value[0] != '{' && value[0] != '[' {
		return value
	}
	decoder := json.NewDecoder(bytes.NewReader(value))
	opening, err := decoder.Token()
	if err != nil {
		t.Fatal(err)
	}
	var names, values []json.RawMessage
	for decoder.More() {
		var name, inner json.RawMessage
		if opening == json.Delim('{') {
			token, _ := decoder.Token()
			name, _ = json.Marshal(token)
			name = append(name, ':')
		}
		if err := decoder.Decode(&inner); err != nil {
			t.Fatal(err)
		}
		names, values = append(names, name), append(values, disordered(t, random, inner))
	}
	if len(names) > 0 && random.IntN(4) == 0 {
		names = append(names, names[random.IntN(len(names))])
		values = append(values, values[random.IntN(len(values))])
	}
	mixed := []byte{value[0]}
	for at, i := range random.Perm(len(names)) {
		if at > 0 {
			mixed = append(mixed, ',')
		}
		mixed = append(append(mixed, names[i]...), values[i]...)
	}
	return append(mixed, value[0]+2) // ']' and '}' stand two behind their opening brackets
}
