import { describe, expect, it } from 'vitest'
import { parted } from './names'

describe('a name that is too long', () => {
  it.each([
    ['local', 'local', ''],
    ['dev-eastus', 'dev-eastus', ''],
    ['training-eastus', 'training', '-eastus'],
    ['prod-inference-eastus', 'prod-inference', '-eastus'],
    ['prod-inference-westeurope', 'prod-inference', '-westeurope'],
    ['prod-inference-east-1', 'prod-inference', '-east-1'],
    ['averylongnamewithoutanydash', 'averylongnamewitho', 'utanydash'],
  ])('%s keeps its end', (name, begin, end) => expect(parted(name)).toEqual([begin, end]))

  it('of a family is told apart by what is never cut', () => {
    const family = ['prod-inference-eastus', 'prod-inference-westus', 'prod-inference-westus-2']
    expect(new Set(family.map((each) => parted(each)[1])).size).toBe(3)
  })
})
