// HyperDHT's part of loopback_dht.py: the same work, printed as one line of JSON.
//
//     node hyperdht_loopback.js <module directory> <nodes> <rounds>

'use strict'

const [moduleDirectory, nodes, rounds] = [process.argv[2], +process.argv[3], +process.argv[4]]
const load = require('module').createRequire(moduleDirectory + '/package.json')
const DHT = load('hyperdht')
const createTestnet = load('hyperdht/testnet')
const { randomBytes } = require('crypto')

const VALUE_SIZE = 800

function any (list) {
  return list[Math.floor(Math.random() * list.length)]
}

async function milliseconds (work) {
  const begun = process.hrtime.bigint()
  const result = await work()
  return [Number(process.hrtime.bigint() - begun) / 1e6, result]
}

async function lookUp (readers, keys) {
  const times = []
  let found = 0
  for (let round = 0; round < rounds; round++) {
    const [time, result] = await milliseconds(() => any(readers).mutableGet(any(keys)))
    times.push(time)
    if (result !== null) found++
  }
  return { times, found }
}

async function main () {
  const testnet = await createTestnet(nodes)
  const peers = [...testnet]
  const pairs = peers.map(() => DHT.keyPair())
  const publish = { times: [], found: 0 }
  for (let round = 0; round < rounds; round++) {
    const author = round % nodes
    const options = { seq: Math.floor(round / nodes) + 1 }
    const value = randomBytes(VALUE_SIZE)
    const [time, result] = await milliseconds(
      () => peers[author].mutablePut(pairs[author], value, options))
    publish.times.push(time)
    if (result.closestNodes.length > 0) publish.found++
  }
  const keys = pairs.slice(0, rounds).map((pair) => pair.publicKey)
  const alive = await lookUp(peers, keys)
  // All at one moment, as a cut of power would: whoever lives learns of it by silence alone.
  const doomed = peers.filter((_, number) => number % 2 === 1)
  await Promise.all(doomed.map((peer) => peer.destroy({ force: true })))
  const dead = await lookUp(peers.filter((_, number) => number % 2 === 0), keys)
  console.log(JSON.stringify({ publish, alive, dead }))
  process.exit(0)
}

main()
