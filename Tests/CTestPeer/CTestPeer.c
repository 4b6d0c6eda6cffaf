#include "CTestPeer.h"
