def td_vae_loss(model, x, t1, t2, eps1, eps2):
    (x2, b1, b2), gap = model.at(x, t1, t2)
    now = model.p_B(b2)
    z2 = now.sample(eps2)
    then = model.p_S(z2, b1, b2, gap)
    z1 = then.sample(eps1)
    story = model.p_D(z2).log_prob(x2) + model.p_B(b1).log_prob(z1) + model.p_T(z1, gap).log_prob(z2)
    return -np.mean(story - now.log_prob(z2) - then.log_prob(z1))
