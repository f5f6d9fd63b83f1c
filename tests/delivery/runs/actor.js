// SPDX-License-Identifier: GPL-2.0-or-later
// actor.js PLAN: MQTT.js in the same part as actor.py. Node finds mqtt by NODE_PATH.
'use strict'
const crypto = require('crypto')
const fs = require('fs')
const mqtt = require('mqtt')

const plan = JSON.parse(fs.readFileSync(process.argv[2], 'utf8'))
const log = fs.openSync(plan.log, 'a')
const five = plan.level === 5
let count = 0
let state = plan.seed >>> 0 || 1

function random () { // a linear congruential generator: the plan's seed decides
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0
  return state / 4294967296
}
const choose = list => list[Math.floor(random() * list.length)]

function note (e, values) {
  const t = (BigInt(Math.round((performance.timeOrigin + performance.now()) * 1000)) * 1000n).toString()
  const rest = JSON.stringify({ c: plan.id, e, ...values })
  fs.writeSync(log, `{"t": ${t}, ${rest.slice(1)}\n`)
}

function shown (payload) {
  if (payload.length <= 200) return payload.toString('latin1')
  return payload.length + ':' + crypto.createHash('sha1').update(payload).digest('hex').slice(0, 16)
}

function payloadOf (kind) {
  if (kind === 'equal') return Buffer.from(choose(['ON', 'OFF']))
  if (kind === 'empty') return Buffer.alloc(0)
  const own = `${plan.id} ${plan.life_number} ${count}`
  return Buffer.from(kind === 'large' ? own.padEnd(100000, '.') : own)
}

const options = {
  clientId: plan.id,
  protocolVersion: plan.level,
  clean: plan.clean,
  keepalive: plan.keep_alive,
  reconnectPeriod: 1000,
  resubscribe: false
}
if (plan.user) Object.assign(options, { username: plan.user, password: plan.password })
if (five) {
  options.properties = {}
  if (plan.alias) Object.assign(options, { autoUseTopicAlias: true, autoAssignTopicAlias: true })
  if (plan.expiry) options.properties.sessionExpiryInterval = plan.expiry
  if (plan.receive_maximum) options.properties.receiveMaximum = plan.receive_maximum
  if (plan.max_packet) options.properties.maximumPacketSize = plan.max_packet
}
if (plan.will) {
  const { topic, payload, qos, retain, delay } = plan.will
  options.will = { topic, payload: Buffer.from(payload), qos, retain }
  if (five) options.will.properties = { willDelayInterval: delay }
}
const client = mqtt.connect(`mqtt://127.0.0.1:${plan.port}`, options)

function subscribe (sub) {
  const o = { qos: sub.qos }
  if (five) {
    Object.assign(o, { nl: !!sub.nl, rap: !!sub.rap, rh: sub.rh || 0 })
    if (sub.id) o.properties = { subscriptionIdentifier: sub.id }
  }
  note('subscribe', { filter: sub.filter, qos: sub.qos })
  client.subscribe(sub.filter, o, (error, granted) => {
    note('subscribed', { filter: sub.filter, codes: error ? [128] : granted.map(g => g.qos) })
  })
}

client.on('connect', ack => {
  note('connected', { present: ack.sessionPresent ? 1 : 0, code: String(ack.reasonCode ?? ack.returnCode) })
  plan.subs.forEach(subscribe)
})
client.on('close', () => note('closed', {}))
client.on('error', error => note('error', { what: error.message }))

// By hand, and not on('message'), so that a slow client answers slowly.
const handle = client.handleMessage.bind(client)
client.handleMessage = (packet, done) => {
  note('got', { topic: packet.topic, p: shown(packet.payload), qos: packet.qos, retain: +packet.retain, dup: +packet.dup })
  if (plan.slow) setTimeout(() => handle(packet, done), plan.slow)
  else handle(packet, done)
}

function publish (pub) {
  count++
  const n = count
  const topic = choose(pub.topics)
  const payload = payloadOf(choose(pub.kinds))
  const o = { qos: choose(pub.qos), retain: random() < pub.retain }
  if (five && (pub.expiry || pub.properties)) {
    o.properties = {}
    if (pub.expiry) o.properties.messageExpiryInterval = choose(pub.expiry)
    if (pub.properties) Object.assign(o.properties, { contentType: 'text/plain', userProperties: { b: ['1', '3'], a: '2' } })
  }
  note('publish', { n, topic, p: shown(payload), qos: o.qos, retain: +o.retain })
  client.publish(topic, payload, o, error => note('acked', { n, error: error ? error.message : null }))
}

const seconds = () => Date.now() / 1000
const born = seconds()

function nextPublish () {
  const pub = plan.pub
  if (seconds() > plan.last_publish) return
  if (client.connected) for (let i = 0; i < (pub.burst || 1); i++) publish(pub)
  setTimeout(nextPublish, 1000 * (0.5 + random()) * (pub.burst || 1) / pub.rate)
}
if (plan.pub) setTimeout(nextPublish, 300)

let flips = 0
function flip () {
  const sub = plan.subs[plan.subs.length - 1]
  if (client.connected) {
    if (flips++ % 2 === 0 && !plan.resubscribe_only) {
      note('unsubscribe', { filter: sub.filter })
      client.unsubscribe(sub.filter, () => note('unsubscribed', { filter: sub.filter }))
    } else subscribe(sub)
  }
  setTimeout(flip, 1000 * plan.flip * (0.5 + random()))
}
if (plan.flip) setTimeout(flip, 1000 * plan.flip)

setInterval(() => {
  if (seconds() < plan.end && !(plan.life && seconds() - born > plan.life)) return
  note('disconnect', {})
  client.end(false, () => process.exit(0))
  setTimeout(() => process.exit(0), 1000)
}, 100)
