package cli

import (
	"context"
	"errors"
	"fmt"

	"wagate/config"
)

func (s *shell) serve(ctx context.Context, args []string) error {
	fs := s.flags("serve -config FILE")
	file, logs := fs.configFlag(), fs.logFlags("info")
	if _, err := fs.parse(args, 0, 0); err != nil {
		return err
	}
	log, err := logs.logger(fs, s.Stderr)
	if err != nil {
		return err
	}
	if *file == "" {
		return fs.wrong("-config is missing")
	}
	c, err := config.Load(*file, s.Lookup)
	if err != nil {
		return inFile(*file, err)
	}
	return s.Serve(ctx, c, log)
}

func (s *shell) check(ctx context.Context, args []string) error {
	fs := s.flags("check -config FILE")
	file := fs.configFlag()
	show := fs.Bool("print", false, "print the effective configuration, with secrets masked")
	if _, err := fs.parse(args, 0, 0); err != nil {
		return err
	}
	if *file == "" {
		return fs.wrong("-config is missing")
	}
	c, err := config.Load(*file, s.Lookup)
	problems, readable := errors.AsType[config.Problems](err)
	switch {
	case err == nil || readable && !problems.Under("redis"):
		// If the file's problems are elsewhere it still says where Redis is: report all problems at
		// once.
		err = errors.Join(inFile(*file, err), s.Check(ctx, c))
	default:
		err = inFile(*file, err)
	}
	if err != nil {
		return err
	}
	if *show {
		out, err := c.Dump()
		if err != nil {
			return err
		}
		fmt.Fprintf(s.Stdout, "%s", out)
		return nil
	}
	channels := 0
	for _, t := range c.Tenants {
		channels += len(t.Channels)
	}
	fmt.Fprintf(s.Stdout, "%s is valid: %s, %s, redis %s\n", *file,
		count(len(c.Tenants), "tenant"), count(channels, "channel"), c.Redis.Mode)
	return nil
}

func (s *shell) demo(ctx context.Context, args []string) error {
	fs := s.flags("demo")
	once, logs := fs.Bool("once", false, "exit when the story is complete"), fs.logFlags("error")
	if _, err := fs.parse(args, 0, 0); err != nil {
		return err
	}
	log, err := logs.logger(fs, s.Stderr)
	if err != nil {
		return err
	}
	return s.Demo(ctx, *once, s.Stdout, log)
}

// inFile adds the file's name to an error that lists problems of the file.
func inFile(file string, err error) error {
	problems, ok := errors.AsType[config.Problems](err)
	if !ok {
		return err
	}
	return fmt.Errorf("%s has %s:\n%w", file, count(len(problems), "problem"), problems)
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
