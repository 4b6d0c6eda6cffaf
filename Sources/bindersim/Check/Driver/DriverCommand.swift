internal import BinderBuffer
internal import CLinuxShims
internal import PageAlloc

/// One command that a program writes.
enum DriverCommand {
  case transaction(DriverMessage, handle: UInt32, isReply: Bool)
  case free(UInt64)
  case reference(handle: UInt32, strong: Bool, increment: Bool)
  case done(pointer: UInt64, cookie: UInt64, strong: Bool)
  case register
  case enter
  case exitLooper
  case death(handle: UInt32, cookie: UInt64, clear: Bool)
  case deathDone(UInt64)
  case freeze(handle: UInt32, cookie: UInt64, clear: Bool)
  case freezeDone(UInt64)
  /// Bytes that are no command, and what comes of them.
  case wrong([UInt8], Errno)

  /// As the program writes it.
  var bytes: [UInt8] {
    switch self {
    case .transaction(let message, let handle, let isReply): bytes(message, handle, isReply)
    case .free(let address): command(bb_bc_free_buffer, (address, 8))
    case .reference(let handle, let strong, let increment):
      command(
        increment
          ? strong ? bb_bc_acquire : bb_bc_increfs : strong ? bb_bc_release : bb_bc_decrefs,
        (UInt64(handle), 4))
    case .done(let pointer, let cookie, let strong):
      command(strong ? bb_bc_acquire_done : bb_bc_increfs_done, (pointer, 8), (cookie, 8))
    case .register: command(bb_bc_register_looper)
    case .enter: command(bb_bc_enter_looper)
    case .exitLooper: command(bb_bc_exit_looper)
    case .death(let handle, let cookie, let clear):
      command(
        clear ? bb_bc_clear_death_notification : bb_bc_request_death_notification,
        (UInt64(handle), 4), (cookie, 8))
    case .deathDone(let cookie): command(bb_bc_dead_binder_done, (cookie, 8))
    case .freeze(let handle, let cookie, let clear):
      command(
        clear ? bb_bc_clear_freeze_notification : bb_bc_request_freeze_notification,
        (UInt64(handle), 4), (cookie, 8))
    case .freezeDone(let cookie): command(bb_bc_freeze_notification_done, (cookie, 8))
    case .wrong(let bytes, _): bytes
    }
  }

  private func command(_ code: bb_bc, _ fields: (UInt64, Int)...) -> [UInt8] {
    fields.reduce(code.rawValue.littleEndianBytes(4)) { $0 + $1.0.littleEndianBytes($1.1) }
  }

  private func bytes(_ message: DriverMessage, _ handle: UInt32, _ isReply: Bool) -> [UInt8] {
    let gathers = message.extra > 0
    var bytes = [UInt8](repeating: 0, count: gathers ? bb_td_sg_size : bb_td_size)
    func put(_ value: UInt64, _ count: Int, at offset: Int) {
      bytes.replaceSubrange(offset..<offset + count, with: value.littleEndianBytes(count))
    }
    put(UInt64(handle), 4, at: bb_td_target)
    put(UInt64(message.code), 4, at: bb_td_code)
    put(UInt64(message.flags), 4, at: bb_td_flags)
    put(message.claimedSize ?? UInt64(message.data.count), 8, at: bb_td_data_size)
    put(UInt64(message.offsetsSize), 8, at: bb_td_offsets_size)
    put(DriverSender.data, 8, at: bb_td_buffer)
    put(DriverSender.offsets, 8, at: bb_td_offsets)
    if gathers { put(UInt64(message.extra), 8, at: bb_td_sg_buffers_size) }
    let code =
      gathers
      ? isReply ? bb_bc_reply_sg : bb_bc_transaction_sg : isReply ? bb_bc_reply : bb_bc_transaction
    return code.rawValue.littleEndianBytes(4) + bytes
  }
}

extension DriverModel {
  /// What a command must come to.
  func perform(_ command: DriverCommand, _ thread: Thread, fault: Errno?) -> Outcome {
    if thread.waits != .nothing { stopWaiting(thread) }
    guard thread.returnError == bb_br_ok.rawValue else { return .stop }
    let process = thread.process
    do throws(Errno) {
      switch command {
      case .transaction(let message, let handle, let isReply):
        return begin(message, isReply: isReply, handle: handle, by: thread, fault: fault)
      case .free(let address):
        if let buffer = process.buffers.first(where: { $0.address == address }) {
          free(buffer, of: process)
        }
      case .reference(let handle, let strong, let increment):
        try change(process, handle: handle, strong: strong, increment: increment)
      case .done(let pointer, let cookie, let strong):
        confirm(process, pointer: pointer, cookie: cookie, strong: strong)
      case .register:
        if !thread.isEntered, process.requested > 0 {
          process.requested -= 1
          process.started += 1
        }
        thread.isRegistered = true
      case .enter: thread.isEntered = true
      case .exitLooper: break
      case .death(let handle, let cookie, let clear):
        if clear {
          clearDeath(thread, handle: handle, cookie: cookie)
        } else {
          requestDeath(process, handle: handle, cookie: cookie)
        }
      case .deathDone(let cookie): confirmDeath(thread, cookie: cookie)
      case .freeze(let handle, let cookie, let clear):
        if clear {
          try clearFreeze(process, handle: handle, cookie: cookie)
        } else {
          try requestFreeze(process, handle: handle, cookie: cookie)
        }
      case .freezeDone(let cookie): try confirmFreeze(process, cookie: cookie)
      case .wrong(_, let errno): throw errno
      }
      return .done
    } catch {
      return .failed(error)
    }
  }
}
