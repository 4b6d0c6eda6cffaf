extension Driver {
  /// A transaction from the moment it is queued to its end: a oneway call or a reply ends when it
  /// is read, a call when it is answered or can no longer be.
  struct Transaction: BitwiseCopyable {
    let id: UInt32
    let code: UInt32
    let flags: UInt32
    /// The sender's effective user.
    let user: UInt32
    let isReply: Bool
    /// Whose buffer it has.
    let receiver: ProcessIndex
    /// Where the buffer begins in the receiver's region.
    let buffer: Int
    /// For `TF_UPDATE_TXN`: the sender.
    let senderPID: Int32

    /// The thread that waits for the answer; none in a oneway call or a reply, or when it is gone.
    var from = ThreadIndex.none
    /// What `from` worked on when it called.
    var fromParent = TransactionIndex.none
    /// The thread that works on it, once it was read.
    var to = ThreadIndex.none
    /// What `to` worked on before.
    var toParent = TransactionIndex.none
    /// Counts among the outstanding ones of `receiver`.
    var isOutstanding = true
    var hasFiles = false
    var work = WorkIndex.none

    var isOneway: Bool { !isReply && flags & WireFlag.oneway != 0 }
  }

  /// A file that travels with a transaction.
  struct FileFixup {
    let token: FileToken
    /// Where its number goes, from the start of the buffer.
    let position: Int
  }

  /// Ends a transaction's record. Its buffer is another matter.
  mutating func endTransaction(_ transaction: TransactionIndex) {
    precondition(transactions[transaction].work.isNone)
    if transactions[transaction].isOutstanding {
      endOutstanding(transactions[transaction].receiver)
    }
    if transactions[transaction].hasFiles, let left = files.removeValue(forKey: transaction) {
      effects.closedFiles += left.map(\.token)
    }
    transactions.remove(transaction)
  }

  mutating func endOutstanding(_ process: ProcessIndex) {
    processes[process].outstanding -= 1
    if processes[process].outstanding == 0, processes[process].isFrozen {
      effects.freezeProgress = true
    }
  }

  /// Ends a transaction that will not be read, its buffer too unless the region goes anyway.
  mutating func discardUnread(_ transaction: TransactionIndex, freeing: Bool) {
    let entry = transactions[transaction]
    if entry.isReply || entry.isOneway {
      endTransaction(transaction)
    } else {
      failCall(transaction, BR.deadReply)
    }
    if freeing {
      freeBuffer(of: entry.receiver, at: entry.buffer)
    } else {
      // It goes with the region.
      note(.freed, entry.id, in: entry.receiver)
    }
  }
}
