/// What a step may do. Every step is one call of the engine, or a few that belong together.
enum CheckAction: Int, CaseIterable {
  /// A transaction in one call.
  case send
  /// Reserves a buffer to be filled in steps.
  case stage
  /// One step of filling it: a part is copied, written or zeroed, or the sender's bytes change.
  case fill
  /// Hands a filled buffer over.
  case handOver
  /// Drops a buffer that was being filled.
  case abandon
  case receive
  /// Looks again at what is held.
  case inspect
  case reply
  case free
  /// Turns a delivery into a bare offset.
  case keep
  case freeKept
  /// Frees what is not there, not delivered, or freed already.
  case freeWrongly
  case takeReply
  case abandonCall
  case exit
  /// A new process, if one is dead.
  case create
  /// Regions and nodes, wanted and unwanted ones.
  case setUp
  case reclaim
  case setBudget
  /// Many sends, receives or frees in one step, so that regions get full of small buffers.
  case burst

  /// How often each action comes up, in the order above.
  static func weights(_ mood: CheckConfiguration.Mood) -> [Int] {
    switch mood {
    case .mixed, .large: [20, 10, 24, 9, 2, 26, 3, 9, 16, 6, 6, 3, 10, 2, 1, 3, 1, 2, 1, 1]
    case .flood: [60, 6, 10, 5, 1, 14, 1, 2, 6, 3, 3, 1, 2, 1, 0, 1, 1, 1, 0, 4]
    case .ties: [40, 4, 6, 3, 1, 36, 1, 2, 20, 14, 14, 1, 4, 1, 0, 1, 0, 1, 0, 14]
    case .pressure: [24, 12, 16, 9, 3, 24, 4, 8, 20, 5, 7, 2, 9, 2, 1, 3, 1, 8, 4, 1]
    case .deaths: [20, 12, 16, 8, 4, 24, 3, 10, 10, 6, 5, 3, 8, 3, 9, 12, 3, 2, 1, 1]
    case .hostile: [24, 12, 24, 10, 4, 24, 3, 10, 12, 6, 6, 12, 8, 4, 2, 5, 4, 3, 2, 1]
    }
  }
}
