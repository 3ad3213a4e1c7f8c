import type { GrantMove, RequestMove } from '../answers/request_acts'

interface MoveWords {
  /** On the button that begins it. */
  readonly button: string
  /** Above what is asked once more, and on the button that does it. */
  readonly title: string
  /** Before the name of what it is done with, as the palette has it. */
  readonly verb: string
  /** By which it is typed. */
  readonly typed: readonly string[]
}

export const MOVES: Readonly<Record<RequestMove, MoveWords>> = {
  approve: { button: 'Approve', title: 'Approve it', verb: 'Approve', typed: ['approve', 'grant', 'allow'] },
  counter: { button: 'Offer something else', title: 'Offer something else', verb: 'Offer something else than', typed: ['offer', 'counter'] },
  deny: { button: 'Deny', title: 'Deny it', verb: 'Deny', typed: ['deny', 'refuse', 'reject'] },
  accept: { button: 'Accept the offer', title: 'Accept the offer', verb: 'Accept the offer of', typed: ['accept'] },
  withdraw: { button: 'Withdraw', title: 'Withdraw it', verb: 'Withdraw', typed: ['withdraw'] },
}

export const GRANT_MOVES: Readonly<Record<GrantMove, MoveWords>> = {
  extend: { button: 'Extend it', title: 'Extend it', verb: 'Extend', typed: ['extend', 'renew', 'prolong'] },
  change: { button: 'Change it', title: 'Change it', verb: 'Change', typed: ['change'] },
  again: { button: 'Ask for it again', title: 'Ask for it again', verb: 'Ask again for', typed: ['again'] },
  end: { button: 'Give it back', title: 'Give it back', verb: 'Give back', typed: ['give', 'return', 'end'] },
  restore: { button: 'Restore what was agreed', title: 'Restore what was agreed', verb: 'Restore what was agreed of', typed: ['restore'] },
  keep: { button: 'Keep what was written', title: 'Keep what was written', verb: 'Keep what was written of', typed: ['keep'] },
}
