// Package hx connects two hosts that both are behind NATs, found by name through an hx-nameserver. It is
// libhx (hx.h) as net.Listener and net.Conn:
//
//	listener, err := hx.Listen("home", hx.Config{Nameserver: "S:7000"}) // on one host
//	conn, err := hx.Dial("home", hx.Config{Nameserver: "S:7000"})       // on the other one
//
//	group, err := hx.Join("team", 5, hx.Config{Name: "ann"})                    // or on each of five
//
// Both hosts have the same key, which `hx key` has made on one and `hx key --set` has taken on the other (or
// Config.Keys): both sides prove it, and everything between them is encrypted. What waits in Accept, Read or
// Write holds no thread. Every error is an *Error: errors.Is compares it with the Err constants of this
// package and with those of net, os and io that fit.
//
// Call Cleanup before the program ends: peers and the nameserver then learn at once that it has gone.
package hx

import (
	"errors"
	"os"
	"path/filepath"
	"time"
)

// DefaultTimeout is what Dial, Listen and Join take in all if Config.Timeout is 0.
const DefaultTimeout = 30 * time.Second

// Transport says how the nameserver is reached.
type Transport int

const (
	TransportAny Transport = iota // by UDP, and where that does not answer, through TCP
	TransportUDP
	TransportTCP
)

// Config of Listen, Dial and Join; all of it may be left zero. hx.h says more about each field.
type Config struct {
	// "HOST", "HOST:PORT", "[IPV6]:PORT" or "https://HOST"; up to 8 with ',' between. "": $HX_NAMESERVER.
	Nameserver string
	// Lines "KEY [LABEL]" as GenerateKey and `hx key` write them. Dial uses the first, a Listener lets in
	// whoever has any of them. "": those of KeyFile; if that is "", too, $HX_KEY, or those of
	// ~/.config/hx/key.
	Keys    string
	KeyFile string // for nobody else to read
	// Neither keys nor encryption: whoever knows the name may connect, and all can be read on the way.
	Insecure bool

	LocalPort uint16        // UDP; 0: the kernel's choice. The first call's choice holds for the process
	Name      string        // Dial: our own name, shown to the peer; Join: our name in the session, must be given
	Wait      time.Duration // Dial: for the name to appear; whole seconds, at most a minute
	Timeout   time.Duration // in all; 0: DefaultTimeout; below 0: none
	Punch     time.Duration // for one punch, at most 28 s; 0: 10 s
	Linger    time.Duration // of Close: without progress; 0: 30 s; below 0: while the peer lives
	Backlog   int           // connections that wait in a Listener, at most 1024; 0: 64
	// Proves who we are to a nameserver that asks for it, as GenerateDeviceKey and `hx key --device` write it.
	// Default: that of ~/.config/hx/device.key, if there is one.
	DeviceKey string
	// What happens, in order, one call at a time, from a goroutine of its own. May be nil.
	OnEvent          func(Event)
	Family           int           // of all addresses: 4, 6, or 0: both
	NoPortMapping    bool          // the router is not asked for one
	STUN             string        // servers that are asked besides the nameservers; as Nameserver
	PathEvents       bool          // OnEvent is told EventPath and EventRelayLimit, too
	NoHostCandidates bool          // the addresses of this host's interfaces are told to nobody
	StateDir         string        // for what makes the next visit a round trip shorter
	Transport        Transport     // to the nameserver
	RelayAfter       time.Duration // a relay is asked for so long after the other ways; 0: 500 ms; below 0: never
}

// complete fills in what the environment and the key file say.
func (c *Config) complete(op, name string) error {
	bad := func(what string) error {
		return &Error{Op: op, Name: name, Code: ErrInvalid, Cause: errors.New(what)}
	}
	if c.Nameserver == "" {
		c.Nameserver = os.Getenv("HX_NAMESERVER")
	}
	if c.Nameserver == "" {
		return bad("no nameserver: set Config.Nameserver or HX_NAMESERVER to its HOST[:PORT]")
	}
	if c.Timeout == 0 {
		c.Timeout = DefaultTimeout
	}
	if dir, err := os.UserConfigDir(); c.DeviceKey == "" && err == nil {
		file := filepath.Join(dir, "hx", "device.key")
		if _, err := os.Stat(file); err == nil {
			if c.DeviceKey, err = secretOf(file); err != nil {
				return bad(err.Error())
			}
			if _, err = DeviceKeyPublic(c.DeviceKey); err != nil {
				return bad(file + " holds no key of a device, or a mistyped one: `hx key --device FILE` makes one in a " +
					"FILE that is not there yet")
			}
		}
	}
	if c.Insecure {
		if c.Keys != "" || c.KeyFile != "" {
			return bad("Config.Insecure and keys: choose one of the two")
		}
		return nil
	}
	if c.Keys == "" && c.KeyFile == "" {
		c.Keys = os.Getenv("HX_KEY")
	}
	if c.Keys != "" {
		return nil
	}
	file := c.KeyFile
	if file == "" {
		dir, err := os.UserConfigDir()
		if err != nil {
			return bad("no key: set Config.Keys, or Config.Insecure to go without")
		}
		file = filepath.Join(dir, "hx", "key")
	}
	text, err := secretOf(file)
	if errors.Is(err, os.ErrNotExist) {
		return bad("no key: " + err.Error() + ": `hx key` makes one, `hx key --set` takes the other host's; " +
			"Config.Insecure goes without")
	}
	if err != nil {
		return bad(err.Error())
	}
	c.Keys = text
	return nil
}

// secretOf reads a file that nobody else may read.
func secretOf(file string) (string, error) {
	info, err := os.Stat(file)
	if err != nil {
		return "", err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return "", errors.New(file + " may be read by others: chmod 600 it")
	}
	text, err := os.ReadFile(file)
	return string(text), err
}
