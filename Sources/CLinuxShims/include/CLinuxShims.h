#ifndef CLINUXSHIMS_H
#define CLINUXSHIMS_H
#endif
