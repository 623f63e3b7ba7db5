package cli

import (
	"io"
	"log/slog"
)

// logFlags are the flags of commands that log.
type logFlags struct {
	format *string
	level  *string
}

// The formats of the log.
const (
	formatText = "text"
	formatJSON = "json"
)

// logFlags declares -log-format and -log-level; level is the default level. Text is the default
// format even when nobody watches, because the first lines are a contract ("listening addr=…").
func (fs *flagSet) logFlags(level string) logFlags {
	return logFlags{
		format: fs.String("log-format", fs.shell.env("WAGATE_LOG_FORMAT", formatText), "text or json (WAGATE_LOG_FORMAT)"),
		level:  fs.String("log-level", fs.shell.env("WAGATE_LOG_LEVEL", level), "debug, info, warn or error (WAGATE_LOG_LEVEL)"),
	}
}

// logger returns the logger that the flags describe. It limits repeated warnings; see calm.
func (l logFlags) logger(fs *flagSet, w io.Writer) (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(*l.level)); err != nil {
		return nil, fs.wrong("got -log-level %q, want debug, info, warn or error", *l.level)
	}
	opts := &slog.HandlerOptions{Level: level}
	switch *l.format {
	case formatText:
		return slog.New(newCalm(slog.NewTextHandler(w, opts))), nil
	case formatJSON:
		return slog.New(newCalm(slog.NewJSONHandler(w, opts))), nil
	default:
		return nil, fs.wrong("got -log-format %q, want text or json", *l.format)
	}
}
