// SPDX-License-Identifier: GPL-2.0-or-later
// actor PLAN: paho for Go (3.1.1) in the same part as actor.py.
package main

import (
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand"
	"os"
	"strings"
	"sync"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
)

type subscription struct {
	Filter string `json:"filter"`
	QoS    byte   `json:"qos"`
}

type plan struct {
	ID          string         `json:"id"`
	Clean       bool           `json:"clean"`
	Port        int            `json:"port"`
	KeepAlive   int            `json:"keep_alive"`
	User        string         `json:"user"`
	Password    string         `json:"password"`
	Subs        []subscription `json:"subs"`
	Log         string         `json:"log"`
	Seed        int64          `json:"seed"`
	LifeNumber  int            `json:"life_number"`
	End         float64        `json:"end"`
	LastPublish float64        `json:"last_publish"`
	Life        float64        `json:"life"`
	Slow        int            `json:"slow"`
	Will        *struct {
		Topic, Payload string
		QoS            byte
		Retain         bool
	} `json:"will"`
	Pub *struct {
		Topics []string `json:"topics"`
		QoS    []int    `json:"qos"`
		Kinds  []string `json:"kinds"`
		Retain float64  `json:"retain"`
		Rate   float64  `json:"rate"`
		Burst  int      `json:"burst"`
	} `json:"pub"`
}

var (
	me   plan
	file *os.File
	lock sync.Mutex
)

type values map[string]interface{}

func note(event string, v values) {
	lock.Lock()
	defer lock.Unlock()
	v["t"], v["c"], v["e"] = time.Now().UnixNano(), me.ID, event
	line, _ := json.Marshal(v)
	file.Write(append(line, '\n'))
}

func shown(payload []byte) string {
	if len(payload) > 200 {
		sum := sha1.Sum(payload)
		return fmt.Sprintf("%d:%s", len(payload), hex.EncodeToString(sum[:])[:16])
	}
	runes := make([]rune, len(payload))
	for i, b := range payload {
		runes[i] = rune(b)
	}
	return string(runes)
}

func flag(set bool) int {
	if set {
		return 1
	}
	return 0
}

func payloadOf(kind string, count int) []byte {
	own := fmt.Sprintf("%s %d %d", me.ID, me.LifeNumber, count)
	switch kind {
	case "equal":
		return []byte([]string{"ON", "OFF"}[rand.Intn(2)])
	case "empty":
		return []byte{}
	case "large":
		return []byte(own + strings.Repeat(".", 100000-len(own)))
	}
	return []byte(own)
}

func now() float64 { return float64(time.Now().UnixNano()) / 1e9 }

func got(_ mqtt.Client, m mqtt.Message) {
	note("got", values{"topic": m.Topic(), "p": shown(m.Payload()), "qos": m.Qos(),
		"retain": flag(m.Retained()), "dup": flag(m.Duplicate())})
	time.Sleep(time.Duration(me.Slow) * time.Millisecond)
}

func options() *mqtt.ClientOptions {
	o := mqtt.NewClientOptions().AddBroker(fmt.Sprintf("tcp://127.0.0.1:%d", me.Port))
	o.SetClientID(me.ID).SetCleanSession(me.Clean).SetKeepAlive(time.Duration(me.KeepAlive) * time.Second)
	o.SetProtocolVersion(4).SetMaxReconnectInterval(2 * time.Second).SetDefaultPublishHandler(got)
	if me.User != "" {
		o.SetUsername(me.User).SetPassword(me.Password)
	}
	if me.Will != nil {
		o.SetWill(me.Will.Topic, me.Will.Payload, me.Will.QoS, me.Will.Retain)
	}
	o.SetConnectionLostHandler(func(mqtt.Client, error) { note("closed", values{}) })
	o.SetOnConnectHandler(func(c mqtt.Client) {
		note("connected", values{})
		for _, s := range me.Subs {
			note("subscribe", values{"filter": s.Filter, "qos": s.QoS})
			t := c.Subscribe(s.Filter, s.QoS, got)
			go func(filter string, t mqtt.Token) {
				t.Wait()
				note("subscribed", values{"filter": filter, "failed": t.Error() != nil})
			}(s.Filter, t)
		}
	})
	return o
}

func publish(c mqtt.Client, n int) {
	p := me.Pub
	topic, qos := p.Topics[rand.Intn(len(p.Topics))], byte(p.QoS[rand.Intn(len(p.QoS))])
	payload := payloadOf(p.Kinds[rand.Intn(len(p.Kinds))], n)
	retain := rand.Float64() < p.Retain
	note("publish", values{"n": n, "topic": topic, "p": shown(payload), "qos": qos, "retain": flag(retain)})
	t := c.Publish(topic, qos, retain, payload)
	go func() {
		if t.Wait() && t.Error() == nil {
			note("acked", values{"n": n})
		}
	}()
}

func main() {
	text, err := os.ReadFile(os.Args[1])
	if err != nil || json.Unmarshal(text, &me) != nil {
		os.Exit(2)
	}
	file, _ = os.OpenFile(me.Log, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
	rand.Seed(me.Seed)
	c := mqtt.NewClient(options())
	if t := c.Connect(); t.Wait() && t.Error() != nil {
		note("error", values{"what": t.Error().Error()})
		os.Exit(1)
	}
	born := now()
	for n := 0; now() < me.End && (me.Life == 0 || now()-born < me.Life); {
		if me.Pub == nil || now() > me.LastPublish || !c.IsConnected() {
			time.Sleep(50 * time.Millisecond)
			continue
		}
		burst := me.Pub.Burst
		if burst == 0 {
			burst = 1
		}
		for i := 0; i < burst; i++ {
			n++
			publish(c, n)
		}
		time.Sleep(time.Duration((0.5 + rand.Float64()) * float64(burst) / me.Pub.Rate * 1e9))
	}
	note("disconnect", values{})
	c.Disconnect(250)
}
