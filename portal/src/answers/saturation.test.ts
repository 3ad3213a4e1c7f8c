import { describe, expect, it } from 'vitest'
import type { Saturation, ShortThing } from './documents'
import { isHeldUp, thingNamed, thingOf } from './saturation'

const GPU = 'nvidia.com/gpu'
const thing = (name: string, used: number): ShortThing => ({ name, used, capacity: 10, share: used / 10, perPod: 1, morePods: 10 - used })
const a100 = { resource: GPU, outFirst: 'cpu', things: [thing(GPU, 4), thing('cpu', 9), thing(`quota ${GPU}`, 2), thing('quota cpu', 7)] } as unknown as Saturation

describe('what is out first', () => {
  it('is told of devices, of what stands around them, and of their quota', () => {
    expect([GPU, 'cpu', `quota ${GPU}`, 'quota cpu', 'pods', 'example.com/fpga'].map((each) => thingNamed(each, GPU))).toEqual(['devices', 'cpu', 'quota', null, 'pods', null])
    expect(thingOf(a100, 'devices')?.used).toBe(4)
    expect(thingOf(a100, 'quota')?.used).toBe(2)
    expect(thingOf(a100, 'memory')).toBeNull()
  })

  it('holds devices up where it is not the devices themselves', () => {
    expect(isHeldUp(a100)).toBe(true)
    expect(isHeldUp({ ...a100, outFirst: GPU })).toBe(false)
    expect(isHeldUp({ ...a100, outFirst: null })).toBe(false)
  })
})
