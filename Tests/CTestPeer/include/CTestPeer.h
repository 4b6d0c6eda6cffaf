#ifndef CTESTPEER_H
#define CTESTPEER_H
#endif
