import { describe, expect, it } from 'vitest'
import { baseOf, resourceWord } from './limits'

describe('words of a limit', () => {
  it.each([
    ['cpu', 'CPU', 'cpu'],
    ['requests.memory', 'memory', 'memory'],
    ['limits.memory', 'memory, at most', 'memory'],
    ['requests.nvidia.com/gpu', 'GPUs', 'nvidia.com/gpu'],
    ['nvidia.com/mig-1g.10gb', 'nvidia.com/mig-1g.10gb', 'nvidia.com/mig-1g.10gb'],
    ['pods', 'pods', 'pods'],
  ])('say of what it is: %s', (resource, word, base) => {
    expect(resourceWord(resource)).toBe(word)
    expect(baseOf(resource)).toBe(base)
  })
})
