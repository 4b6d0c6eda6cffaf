import BinderBuffer
import CLinuxShims
import PageAlloc

/// The steps of a scenario that are one ioctl.
struct SceneIoctl {
  let runner: SceneRunner
  let tokens: [Substring]

  init(runner: SceneRunner, _ tokens: [Substring]) {
    self.runner = runner
    self.tokens = tokens
  }

  private static let names: [Substring: bb_ioctl] = [
    "WRITE_READ": bb_ioctl_write_read, "SET_MAX_THREADS": bb_ioctl_set_max_threads,
    "SET_CONTEXT_MGR": bb_ioctl_set_context_mgr, "THREAD_EXIT": bb_ioctl_thread_exit,
    "VERSION": bb_ioctl_version, "GET_NODE_DEBUG_INFO": bb_ioctl_get_node_debug_info,
    "GET_NODE_INFO_FOR_REF": bb_ioctl_get_node_info_for_ref,
    "SET_CONTEXT_MGR_EXT": bb_ioctl_set_context_mgr_ext, "FREEZE": bb_ioctl_freeze,
    "GET_FROZEN_INFO": bb_ioctl_get_frozen_info,
    "ENABLE_ONEWAY_SPAM_DETECTION": bb_ioctl_enable_oneway_spam_detection,
    "GET_EXTENDED_ERROR": bb_ioctl_get_extended_error,
  ]

  private func word(_ i: Int) -> UInt64 {
    i < tokens.count ? SceneText.number(tokens[i]) : 0
  }

  func run(_ tid: Int32, _ process: SceneProcess) throws(Errno) -> String {
    var a = WireText(bytes: [UInt8](repeating: 0, count: 64))
    func control(_ request: bb_ioctl) throws(Errno) {
      try runner.control(request.rawValue, &a, tid, process)
    }
    switch tokens[0] {
    case "version":
      try control(bb_ioctl_version)
      return "ok \(a.get(at: 0, as: Int32.self))"
    case "maxthreads":
      a.set(UInt32(word(1)), at: 0)
      try control(bb_ioctl_set_max_threads)
    case "ctxmgr": try control(bb_ioctl_set_context_mgr)
    case "ctxmgr_ext":
      a.set(bb_type_binder.rawValue, at: 0)
      a.set(UInt32(word(1)), at: bb_flat_flags)
      a.set(word(2), at: bb_flat_binder)
      a.set(word(3), at: bb_flat_cookie)
      try control(bb_ioctl_set_context_mgr_ext)
    case "threadexit": try control(bb_ioctl_thread_exit)
    case "spamdetect":
      a.set(UInt32(word(1)), at: 0)
      try control(bb_ioctl_enable_oneway_spam_detection)
    case "freeze":
      let request = FreezeRequest(
        pid: runner.pid(tokens[1]), freezes: tokens[2] == "on", timeout: UInt32(word(3)))
      try runner.freeze(request, tid, process)
    case "frozeninfo":
      a.set(runner.pid(tokens[1]), at: bb_frozen_pid)
      try control(bb_ioctl_get_frozen_info)
      let sync: UInt32 = a.get(at: bb_frozen_sync)
      return "ok sync=\(sync) async=\(a.get(at: bb_frozen_async, as: UInt32.self))"
    case "exterr":
      try control(bb_ioctl_get_extended_error)
      let param: Int32 = a.get(at: bb_error_param)
      let name = param == 0 ? "0" : Errno(rawValue: abs(param)).name
      let id: UInt32 = a.get(at: bb_error_id)
      return
        "\(ScenePrinter.name(a.get(at: bb_error_command))) param=\(param < 0 ? "-" : "")\(name)"
        + " id\(id != 0 ? "!=" : "=")0"
    case "nodedebug":
      a.set(word(1), at: bb_node_debug_ptr)
      try control(bb_ioctl_get_node_debug_info)
      return "ok ptr=\(SceneText.hex(a.get(at: bb_node_debug_ptr, as: UInt64.self)))"
        + " cookie=\(SceneText.hex(a.get(at: bb_node_debug_cookie, as: UInt64.self)))"
        + " strong=\(a.get(at: bb_node_debug_strong, as: UInt32.self))"
        + " weak=\(a.get(at: bb_node_debug_weak, as: UInt32.self))"
    case "nodeinfo":
      a.set(UInt32(word(1)), at: bb_node_ref_handle)
      try control(bb_ioctl_get_node_info_for_ref)
      return "ok strong=\(a.get(at: bb_node_ref_strong, as: UInt32.self))"
        + " weak=\(a.get(at: bb_node_ref_weak, as: UInt32.self))"
    case "ioctl": try plain(tid, process)
    default: preconditionFailure("unknown action '\(tokens[0])'")
    }
    return "ok"
  }

  /// An ioctl with zeros, or with a null pointer.
  private func plain(_ tid: Int32, _ process: SceneProcess) throws(Errno) {
    let request = Self.names[tokens[1]]?.rawValue ?? 0x6263
    guard let argument = Driver.argument(of: request) else { throw .invalidArgument }
    if tokens.count > 2, argument.size > 0 { throw argument.badPointer }
    if request == Driver.writeRead { return }
    var zeros = WireText(bytes: [UInt8](repeating: 0, count: 64))
    if request == Driver.freeze {
      try runner.freeze(FreezeRequest(pid: 0, freezes: false, timeout: 0), tid, process)
    } else {
      try runner.control(request, &zeros, tid, process)
    }
  }
}
