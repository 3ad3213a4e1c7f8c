import { partsOf } from '../answers/sentence_parts'
import { Moment } from './moment'

/** What the server says, with moments in the chosen zone and commands as such. */
export function Sentence({ of }: { of: string }) {
  return (
    <>
      {partsOf(of).map((each, number) =>
        each.kind === 'code' ? <code key={number}>{each.text}</code> : each.kind === 'moment' ? <Moment key={number} at={each.at} /> : each.text,
      )}
    </>
  )
}
