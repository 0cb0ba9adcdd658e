package classify

import "testing"

func TestSigV4Since_IsTheLastSwitch(t *testing.T) {
	for client, want := range map[string]string{
		"aws-cli":        "1.11.108",
		"aws-sdk-nodejs": "2.68.0", // after one that was taken back
		"aws-sdk-go":     "0",      // always
		"boto":           "",       // never
		"cyberduck":      "",       // not for certain
		"no-such-client": "",
	} {
		got, ok := SigV4Since(client)
		if got != want || ok != (want != "") {
			t.Errorf("%s: got %q, %v, want %q", client, got, ok, want)
		}
	}
}

// The version that SigV4Since returns has the verdict yes.
func TestSigV4Since_HasTheVerdictYes(t *testing.T) {
	for client := range sigv4Defaults {
		if version, ok := SigV4Since(client); ok && sigv4Default(client, version, "") != VerdictYes {
			t.Errorf("%s %s does not sign with version 4", client, version)
		}
	}
}

func TestWorseSigV4Default_IsTheVerdictThatStays(t *testing.T) {
	for _, a := range []Verdict{VerdictYes, VerdictUnknown, VerdictNo} {
		for _, b := range []Verdict{VerdictYes, VerdictUnknown, VerdictNo} {
			if got, want := WorseSigV4Default(a.String(), b.String()), max(a, b).String(); got != want {
				t.Errorf("the worse of %s and %s is %s, want %s", a, b, got, want)
			}
		}
	}
}
