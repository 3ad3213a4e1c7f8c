import type { Move } from '../answers/futures'
import type { StateLook } from './states'

/** What a change makes of one that waits. */
export const MOVE: Readonly<Record<Move, StateLook>> = {
  starts: { word: 'starts now', tone: 'good', shape: 'dot' },
  sooner: { word: 'sooner', tone: 'good', shape: 'check' },
  later: { word: 'later', tone: 'wait', shape: 'half' },
  stops: { word: 'no longer starts', tone: 'bad', shape: 'cross' },
  same: { word: 'the same', tone: 'over', shape: 'dash' },
}

/** What waits rest on; empty where futures were played. */
export const BASIS: Readonly<Record<string, string>> = {
  none: 'too little has ended there to know run times: only what changes at once is told',
  'no-time': 'no future fitted into the time there is: only what changes at once is told',
}
