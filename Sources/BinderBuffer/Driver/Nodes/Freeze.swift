internal import PageAlloc

extension Driver {
  /// Freeze notices that one process asked for with one handle (Linux 6.12).
  struct FreezeNotice: BitwiseCopyable {
    let cookie: UInt64
    let process: ProcessIndex
    var isFrozen: Bool
    /// Read, and not confirmed: the next waits for that.
    var isRead = false
    /// Something changed in between.
    var hasMore = false
    var isCleared = false
    var work = WorkIndex.none
  }

  /// `BC_REQUEST_FREEZE_NOTIFICATION`.
  ///
  /// - Throws: `EINVAL` when the handle does not exist, has one, or its node is dead.
  mutating func requestFreeze(_ process: ProcessIndex, handle: UInt32, cookie: UInt64) throws(Errno)
  {
    guard let reference = reference(process, handle), references[reference].freeze.isNone else {
      throw .invalidArgument
    }
    let owner = nodes[references[reference].node].owner
    guard !owner.isNone else { throw .invalidArgument }
    guard processes[process].notices < options.limits.notices else { throw .noMemory }
    processes[process].notices += 1
    let freeze = freezes.insert(
      FreezeNotice(cookie: cookie, process: process, isFrozen: processes[owner].isFrozen))
    references[reference].freeze = freeze
    give(.freeze(freeze), to: process)
  }

  /// `BC_CLEAR_FREEZE_NOTIFICATION`.
  ///
  /// - Throws: `EINVAL` when there is none, or it has another cookie.
  mutating func clearFreeze(_ process: ProcessIndex, handle: UInt32, cookie: UInt64) throws(Errno) {
    guard let reference = reference(process, handle) else { throw .invalidArgument }
    let freeze = references[reference].freeze
    guard !freeze.isNone, freezes[freeze].cookie == cookie else { throw .invalidArgument }
    references[reference].freeze = .none
    freezes[freeze].isCleared = true
    if freezes[freeze].isRead {
      freezes[freeze].hasMore = true
    } else if freezes[freeze].work.isNone {
      give(.freeze(freeze), to: process)
    }
  }

  /// `BC_FREEZE_NOTIFICATION_DONE`.
  ///
  /// - Throws: `EINVAL` when no notice of that cookie was read.
  mutating func confirmFreeze(_ process: ProcessIndex, cookie: UInt64) throws(Errno) {
    var work = processes[process].readFreezes.first
    while !work.isNone {
      if case .freeze(let freeze) = works[work].kind, freezes[freeze].cookie == cookie {
        remove(work)
        freezes[freeze].isRead = false
        if freezes[freeze].hasMore {
          freezes[freeze].hasMore = false
          give(.freeze(freeze), to: process)
        }
        return
      }
      work = works[work].next
    }
    throw .invalidArgument
  }

  mutating func endFreeze(_ freeze: FreezeIndex) {
    guard !freeze.isNone else { return }
    if !freezes[freeze].work.isNone { remove(freezes[freeze].work) }
    processes[freezes[freeze].process].notices -= 1
    freezes.remove(freeze)
  }

  /// Tells all who asked that a process was frozen or thawed.
  mutating func notifyFreeze(of owner: ProcessIndex, isFrozen: Bool) {
    for pointer in processes[owner].nodes.keys.sorted() {
      guard let node = processes[owner].nodes[pointer] else { continue }
      var reference = nodes[node].firstReference
      while !reference.isNone {
        let freeze = references[reference].freeze
        if !freeze.isNone {
          freezes[freeze].isFrozen = isFrozen
          if freezes[freeze].isRead {
            freezes[freeze].hasMore = true
          } else if freezes[freeze].work.isNone {
            give(.freeze(freeze), to: references[reference].process)
          }
        }
        reference = references[reference].next
      }
    }
  }
}
