// Split as one would in Go with nothing but its standard library: split_in_go OUT KEY OBJECTS...
//
// A line is decoded into a map and written as it is into OUT/<event>.json.gz, what is no event's into OUT/_bad.json.gz.
package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"log"
	"os"
	"path/filepath"
)

const bufferBytes = 128 * 1024

type output struct {
	file   *os.File
	packed *gzip.Writer
	lines  *bufio.Writer
}

func main() {
	out, key := os.Args[1], os.Args[2]
	outputs := map[string]*output{}
	for _, path := range os.Args[3:] {
		split(path, key, out, outputs)
	}
	for _, one := range outputs {
		check(one.lines.Flush())
		check(one.packed.Close())
		check(one.file.Close())
	}
}

func split(path, key, out string, outputs map[string]*output) {
	file, err := os.Open(path)
	check(err)
	defer file.Close()
	plain, err := gzip.NewReader(bufio.NewReaderSize(file, bufferBytes))
	check(err)
	lines := bufio.NewReaderSize(plain, bufferBytes)
	for {
		line, err := lines.ReadBytes('\n')
		if len(bytes.TrimSpace(line)) > 0 {
			one := opened(eventOf(line, key), out, outputs)
			_, failed := one.lines.Write(line)
			check(failed)
		}
		if err == io.EOF {
			return
		}
		check(err)
	}
}

func eventOf(line []byte, key string) string {
	var document map[string]interface{}
	if json.Unmarshal(line, &document) != nil {
		return "_bad"
	}
	if event, isText := document[key].(string); isText {
		return event
	}
	return "_bad"
}

func opened(event, out string, outputs map[string]*output) *output {
	if one, found := outputs[event]; found {
		return one
	}
	file, err := os.Create(filepath.Join(out, event+".json.gz"))
	check(err)
	packed, err := gzip.NewWriterLevel(file, gzip.BestSpeed)
	check(err)
	outputs[event] = &output{file, packed, bufio.NewWriterSize(packed, bufferBytes)}
	return outputs[event]
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
